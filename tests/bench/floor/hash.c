// Standard input to standard output, and its SHA-256 to FILE: what a layer's two digests cost.
//
// usage: hash FILE
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { kBufferBytes = 1 << 18 };

static void die(const char* what) {
  perror(what);
  exit(1);
}

int main(int argc, char** argv) {
  static unsigned char buffer[kBufferBytes];
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_size = 0;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  if (argc != 2 || context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
    fputs("usage: hash FILE\n", stderr);
    return 1;
  }
  ssize_t count = 0;
  while ((count = read(0, buffer, sizeof buffer)) > 0) {
    (void)EVP_DigestUpdate(context, buffer, (size_t)count);
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = write(1, buffer + done, (size_t)(count - done));
      if (written < 0) die("write");
      done += written;
    }
  }
  if (count < 0) die("read");
  (void)EVP_DigestFinal_ex(context, digest, &digest_size);
  FILE* file = fopen(argv[1], "we");
  if (file == NULL) die(argv[1]);
  for (unsigned i = 0; i < digest_size; ++i) (void)fprintf(file, "%02x", digest[i]);
  if (fclose(file) != 0) die(argv[1]);
  EVP_MD_CTX_free(context);
  return 0;
}
