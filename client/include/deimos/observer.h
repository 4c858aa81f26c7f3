// A window on what the client does, for logs and metrics.
//
// The members of an Observer are called from whatever task does the work, several at a time, under no lock of this
// library: they may call the client. They should be quick, because the call they report waits for them. An exception
// that escapes one is swallowed: it never breaks a call.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

namespace deimos {

/// One exchange with one endpoint.
struct Attempt {
  std::string method;
  std::string key;       ///< Normalised, as text; `/machines` has none.
  std::string target;    ///< Path and query as sent.
  std::string endpoint;  ///< Without credentials.
  int number = 1;        ///< 1 for the first attempt of a call.
};

/// An endpoint was taken out of use or put back, or the list changed.
struct EndpointChange {
  enum class Kind { down, up, added, removed };
  Kind kind = Kind::down;
  std::string endpoint;
  std::string reason;
};

/// Override what you want to hear of. See the rules at the top of this file.
class DEIMOS_EXPORT Observer {
 public:
  virtual ~Observer() = default;
  /// About to be sent.
  virtual void on_request(const Attempt& /*attempt*/) {}
  /// A complete answer came, whatever its status.
  virtual void on_response(const Attempt& /*attempt*/, int /*status*/, Duration /*took*/) {}
  /// No answer came.
  virtual void on_exchange_failed(const Attempt& /*attempt*/, const Failure& /*failure*/, Duration /*took*/) {}
  /// The call will be tried again after `pause`.
  virtual void on_retry(const Attempt& /*failed*/, const std::string& /*why*/, Duration /*pause*/) {}
  /// A call returns this error to its caller.
  virtual void on_failure(const Error& /*error*/) {}
  virtual void on_endpoint_change(const EndpointChange& /*change*/) {}
  /// A watch found that the history it needed is gone and read the state anew.
  virtual void on_watch_gap(const std::string& /*key*/, std::uint64_t /*first_missed*/, std::uint64_t /*read_at*/) {}
};

/// Writes each call of an Observer as one line. Thread-safe; the stream must outlive it.
class DEIMOS_EXPORT LoggingObserver final : public Observer {
 public:
  explicit LoggingObserver(std::ostream& out);
  ~LoggingObserver() override;
  void on_request(const Attempt& attempt) override;
  void on_response(const Attempt& attempt, int status, Duration took) override;
  void on_exchange_failed(const Attempt& attempt, const Failure& failure, Duration took) override;
  void on_retry(const Attempt& failed, const std::string& why, Duration pause) override;
  void on_failure(const Error& error) override;
  void on_endpoint_change(const EndpointChange& change) override;
  void on_watch_gap(const std::string& key, std::uint64_t first_missed, std::uint64_t read_at) override;

 private:
  struct Lines;
  std::unique_ptr<Lines> lines_;
};

}  // namespace deimos
