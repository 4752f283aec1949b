// What a server's reply means for a Job: whether the body is the file, where it goes on, what a
// redirect may lead to.
#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/net/url.h"
#include "job.h"

namespace gbox::net {

namespace {

constexpr unsigned kMaxRedirects = 10;
// Read of an error page, so that the connection can be used again; a larger one is not worth it.
constexpr std::uint64_t kMaxJunkBytes = 64u << 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool has_scheme(std::string_view url, std::string_view scheme) {
  return url.size() > scheme.size() + 3 && url.substr(scheme.size(), 3) == "://" &&
         std::equal(scheme.begin(), scheme.end(), url.begin(),
                    [](char a, char b) { return a == (b | 0x20); });
}

}  // namespace

std::optional<std::uint64_t> announced(const Exchange& exchange) {
  const Reply& reply = exchange.reply;
  if (reply.status == 200) return reply.content_length;
  if (reply.status == 206 && reply.content_range) return reply.content_range->total;
  return std::nullopt;
}

bool Job::take(std::span<const std::byte> bytes) {
  const int status = exchange_->reply.status;
  if (status != 200 && status != 206) {
    junk_ += bytes.size();
    return junk_ <= kMaxJunkBytes;
  }
  if (!body_begun_ && !begin_body()) return false;
  return append(bytes);
}

// Judged before anything kept of other tries is touched: a mirror with a login page must not cost
// what another one has sent.
bool Job::begin_body() {
  body_begun_ = true;
  refused_ = judge_head();
  if (refused_) return false;
  if (exchange_->reply.status == 206) {
    mixed_ = true;
    return true;
  }
  if (exchange_->request.offset > 0)
    session_.note(transfer_.name,
                  quoted(shown_host(current_url_)) + " sends it from the beginning again");
  start_over({url(), exchange_->reply.etag});
  return true;
}

std::optional<Failure> Job::judge_head() {
  const Reply& reply = exchange_->reply;
  if (reply.status == 206 && (exchange_->request.offset == 0 || !reply.content_range ||
                              reply.content_range->first != exchange_->request.offset)) {
    no_range_ = true;
    return Failure{.cause = Cause::cut, .message = "sent another part than was asked for"};
  }
  const std::optional<std::uint64_t> size = announced(*exchange_);
  if (size && transfer_.size && *size != *transfer_.size)
    return wrong_size(*size, *transfer_.size, reply.content_type);
  if (size && *size > limit()) return too_large(limit());
  return std::nullopt;
}

bool Job::append(std::span<const std::byte> bytes) {
  if (bytes.size() > limit() - part_->size()) {
    refused_ = transfer_.size ? Failure{.cause = Cause::size,
                                        .message = "sends more than the file's " +
                                                   std::to_string(*transfer_.size) + " bytes"}
                              : too_large(limit());
    start_over({});
    return false;
  }
  part_->append(bytes);
  hashes_->update(bytes);
  hashed_ += bytes.size();
  return true;
}

void Job::finished(CURLcode code, Instant now) {
  if (exchange_->thrown) std::rethrow_exception(exchange_->thrown);
  const Reply& reply = exchange_->reply;
  if (reply.date) session_.compare_clocks(*reply.date, current_url_);
  state_ = State::next;
  wake_ = now;
  conclude(code, now);
  exchange_.reset();
}

void Job::conclude(CURLcode code, Instant now) {
  const Reply& reply = exchange_->reply;
  if (is_redirect(reply.status) && !exchange_->redirect_url().empty()) return redirect(now);
  if (reply.status == 416 && exchange_->request.offset > 0) return start_over({});
  if (reply.status >= 300) return fail(explain_status(reply), now);
  if (!refused_ && code == CURLE_OK && !body_begun_) {
    if (reply.status != 200 && reply.status != 206) return fail(explain_status(reply), now);
    (void)begin_body();  // an empty file; what it thinks of that is in refused_
  }
  if (refused_) {
    const bool transient = refused_->cause == Cause::cut;
    return fail({.failure = *refused_, .transient = transient}, now);
  }
  if (code != CURLE_OK) {
    std::optional<std::uint64_t> total = transfer_.size;
    if (!total) total = announced(*exchange_);
    return fail(explain(code, *exchange_, session_, part_->size(), total), now);
  }
  complete(url(), now);
}

void Job::redirect(Instant now) {
  const std::string target = exchange_->redirect_url();
  std::string wrong;
  if (++redirects_ > kMaxRedirects)
    wrong = "redirects more than " + std::to_string(kMaxRedirects) + " times";
  else if (!has_scheme(target, "http") && !has_scheme(target, "https"))
    wrong = "redirects to " + quoted(shown_url(target)) + ", which is not http or https";
  else if (has_scheme(current_url_, "https") && !has_scheme(target, "https"))
    wrong = "redirects to " + quoted(shown_url(target)) + ", which gives up TLS";
  if (!wrong.empty())
    return fail({.failure = {.cause = Cause::server,
                             .message = std::move(wrong),
                             .hint = "the server is set up wrongly, or lies; use another mirror"}},
                now);
  current_url_ = target;
}

}  // namespace gbox::net
