#include "http/tls_files.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace deimos {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

/// Why the last call of OpenSSL failed.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown";
}

std::optional<std::string> unreadable(const std::string& path) {
  errno = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file && std::fgetc(file.get()) != EOF) return std::nullopt;
  return errno != 0 ? std::generic_category().message(errno) : "it is empty";
}

/// Nothing if `path` can be read and `load` made something of it.
template <typename Load>
std::optional<std::string> problem(const char* option, const std::string& path, const char* rule, Load load) {
  auto why = unreadable(path);
  ERR_clear_error();
  if (!why && load() != 1) why = openssl_reason();
  if (!why) return std::nullopt;
  return std::string("tls.") + option + " must be " + rule + ", but `" + path + "` is not: " + *why;
}

}  // namespace

std::optional<std::string> problem_with_files(const TlsOptions& options) {
  if (options.ca_file.empty() && options.certificate_file.empty()) return std::nullopt;
  const Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context) return "TLS cannot be used: " + openssl_reason();
  SSL_CTX* const all = context.get();
  std::optional<std::string> found;
  if (!options.ca_file.empty()) {
    found = problem("ca_file", options.ca_file, "a file of certificates (PEM)",
                    [&] { return SSL_CTX_load_verify_locations(all, options.ca_file.c_str(), nullptr); });
  }
  if (!found && !options.certificate_file.empty()) {
    found = problem("certificate_file", options.certificate_file, "a file with a certificate (PEM)",
                    [&] { return SSL_CTX_use_certificate_chain_file(all, options.certificate_file.c_str()); });
  }
  if (!found && !options.key_file.empty()) {
    found = problem("key_file", options.key_file, "a file with the private key of tls.certificate_file (PEM)", [&] {
      const int used = SSL_CTX_use_PrivateKey_file(all, options.key_file.c_str(), SSL_FILETYPE_PEM);
      return used == 1 ? SSL_CTX_check_private_key(all) : used;
    });
  }
  return found;
}

}  // namespace deimos
