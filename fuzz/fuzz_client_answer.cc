// Any answer into the client. The first byte chooses the status, the second the call and the dialect, the rest is the
// body.
//
// Checked besides crashes: what is accepted makes sense, what is refused says why, and one question is asked once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <deimos/client.h>
#include <deimos/thread_runtime.h>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Gives the same answer to everybody.
class OneAnswer final : public deimos::Transport {
 public:
  [[nodiscard]] deimos::Exchange exchange(const std::string&, const deimos::Request& request, deimos::TimePoint,
                                          std::stop_token) override {
    if (asked.empty()) asked = request.target;
    // Others ask who answers so strangely.
    exchanges += request.target == asked ? 1 : 0;
    return response;
  }
  void close() noexcept override {}

  deimos::Response response;
  std::string asked;
  int exchanges = 0;
};

template <typename T>
void check(const deimos::Result<T>& result) {
  if (result) return;
  require(result.error().code.category() == deimos::error_category());
  require(!result.error().describe().empty());
  require(result.error().endpoint == "http://node:1");
}

void check(const deimos::Result<deimos::Answer>& result, int status) {
  check(result);
  if (!result) return;
  require(status == 200 || status == 201);
  require(deimos::to_string(result->action) != "unknown");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr int statuses[] = {200, 201, 400, 404, 412, 500, 301, -1};
  const auto transport = std::make_shared<OneAnswer>();
  std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const int status = statuses[data[0] % std::size(statuses)];
  transport->response = {.status = status, .headers = {{"X-Deimos-Index", body.substr(0, 24)}}, .body = body};

  static const auto runtime = std::make_shared<deimos::ThreadRuntime>();
  const deimos::Client client({.endpoints = {"http://node:1"},
                               .dialect = data[1] % 8 < 4 ? deimos::Dialect::deimos : deimos::Dialect::etcd2,
                               .retry = {.max_attempts = 1},
                               .runtime = runtime,
                               .transport = transport});
  switch (data[1] % 4) {
    case 0: check(client.get("/a"), status); break;
    case 1: check(client.set("/a", "v"), status); break;
    case 2: check(client.wait("/a", {.from_index = 7})); break;
    default: check(client.sync()); break;
  }
  // A list of members is looked for where it was asked for, too.
  require(transport->exchanges == 1 || (data[1] % 4 == 3 && transport->exchanges == 2));
  return 0;
}
