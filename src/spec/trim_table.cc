// 'trim' and 'keep_locales' of a phase.
#include "gbox/base/text.h"
#include "gbox/spec/trim_presets.h"
#include "sections.h"
#include "table.h"

namespace gbox::spec {

namespace {

Verdict check_locale(std::string_view text) {
  const auto is_letter = [](char each) {
    return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z');
  };
  if (text.size() < 2 || !is_letter(text[0]) || !is_letter(text[1]))
    return Problem{"is no locale", "write it as in 'de', 'pt_BR' or 'en_US.UTF-8'"};
  for (const char each : text)
    if (!is_letter(each) && !(each >= '0' && each <= '9') && each != '_' && each != '.' &&
        each != '@' && each != '-')
      return Problem{"is no locale", "write it as in 'de', 'pt_BR' or 'en_US.UTF-8'"};
  return std::nullopt;
}

}  // namespace

std::optional<Trim> read_trim(Context& context, Table& table) {
  Trim trim;
  trim.where = table.where("trim");
  const std::vector<std::string> names = trim_preset_names();
  bool locales = false;
  for (Text& preset : table.strings("trim")) {
    locales = locales || preset.value == "locales";
    if (find_trim_preset(preset.value) == nullptr) {
      const std::string near = nearest(preset.value, names);
      context.fault(
          preset.where, "'trim': there is no preset " + shown(preset.value),
          near.empty() ? "there are " + quoted_list(names) : "did you mean " + quoted(near) + "?");
      continue;
    }
    trim.presets.push_back(std::move(preset));
  }
  trim.keep_locales = table.strings("keep_locales");
  for (const Text& locale : trim.keep_locales)
    context.accept(check_locale(locale.value), locale.where, "keep_locales", locale.value);
  if (table.has("keep_locales") && !locales)
    context.fault(table.where("keep_locales"),
                  "'keep_locales' means nothing without the preset 'locales'",
                  "add \"locales\" to 'trim', or leave 'keep_locales' out");
  if (!table.has("trim")) return std::nullopt;
  return trim;
}

}  // namespace gbox::spec
