#include "locks/registry/store_schemes.h"

#include <cstdint>
#include <system_error>
#include <utility>

#include <deimos/client.h>
#include <deimos/deimos_backend.h>
#include <deimos/etcd_backend.h>

#include "wire/endpoint_url.h"

namespace deimos {
namespace {

constexpr std::uint16_t deimos_port = 4001;
constexpr std::uint16_t etcd_port = 2379;

/// What every store that is spoken to over HTTP can be told.
template <typename Options>
Result<Options> take_http_options(LockStoreUrl& url, std::uint16_t port) {
  Options options;
  bool tls = false;
  url.options.take("tls", tls);
  url.options.take("ca_file", options.tls.ca_file);
  url.options.take("certificate_file", options.tls.certificate_file);
  url.options.take("key_file", options.tls.key_file);
  url.options.take("verify", options.tls.verify);
  url.options.take("connect_timeout", options.connect_timeout);
  url.options.take("attempt_timeout", options.attempt_timeout);
  if (url.user) options.credentials = Credentials{*url.user, url.password.value_or("")};
  for (const std::string& host : url.hosts) {
    auto endpoint = EndpointUrl::parse_host(host, host, port);
    if (!endpoint) return fail(errc::invalid_argument, endpoint.error());
    endpoint->tls = tls;
    options.endpoints.push_back(endpoint->text());
  }
  return options;
}

Result<OpenedLockStore> open_client_store(LockStoreUrl& url, std::uint16_t port, Dialect dialect) {
  Result<ClientOptions> options = take_http_options<ClientOptions>(url, port);
  if (!options) return tl::unexpected<Error>(std::move(options.error()));
  url.options.take("sync_interval", options->sync_interval);
  options->dialect = dialect;
  try {
    const Client client(std::move(*options));
    return OpenedLockStore{std::make_shared<DeimosBackend>(client), client.runtime()};
  } catch (const std::system_error& refused) {
    return fail(errc::invalid_argument, refused.what());
  }
}

}  // namespace

Result<OpenedLockStore> open_deimos_store(LockStoreUrl& url) {
  return open_client_store(url, deimos_port, Dialect::deimos);
}

Result<OpenedLockStore> open_etcd2_store(LockStoreUrl& url) {
  return open_client_store(url, etcd_port, Dialect::etcd2);
}

Result<OpenedLockStore> open_etcd_store(LockStoreUrl& url) {
  Result<EtcdOptions> options = take_http_options<EtcdOptions>(url, etcd_port);
  if (!options) return tl::unexpected<Error>(std::move(options.error()));
  Result<std::shared_ptr<EtcdBackend>> backend = EtcdBackend::make(std::move(*options));
  if (!backend) return tl::unexpected<Error>(std::move(backend.error()));
  return OpenedLockStore{*backend, (*backend)->runtime()};
}

}  // namespace deimos
