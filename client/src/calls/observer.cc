#include <deimos/observer.h>

#include <ostream>

#include <deimos/internal/local_mutex.h>
#include <deimos/internal/one_line.h>

namespace deimos {
namespace {

std::string describe(const Attempt& attempt) {
  std::string text = attempt.method + " " + attempt.target + " of " + attempt.endpoint;
  if (attempt.number > 1) text += ", attempt " + std::to_string(attempt.number);
  return text;
}

std::string describe(Duration duration) {
  return std::to_string(std::chrono::round<std::chrono::microseconds>(duration).count()) + " us";
}

std::string_view describe(EndpointChange::Kind kind) {
  switch (kind) {
    case EndpointChange::Kind::down: return "is down";
    case EndpointChange::Kind::up: return "is up again";
    case EndpointChange::Kind::added: return "is a member";
    case EndpointChange::Kind::removed: return "is a member no more";
  }
  return "?";
}

}  // namespace

struct LoggingObserver::Lines {
  std::ostream& out;
  internal::LocalMutex mutex;

  void write(const std::string& line) {
    const internal::LocalMutexLock lock(mutex);
    out << "deimos: " << internal::one_line(line) << '\n';
  }
};

LoggingObserver::LoggingObserver(std::ostream& out) : lines_(new Lines{out, {}}) {}
LoggingObserver::~LoggingObserver() = default;

void LoggingObserver::on_request(const Attempt& attempt) { lines_->write("asking " + describe(attempt)); }

void LoggingObserver::on_response(const Attempt& attempt, int status, Duration took) {
  lines_->write("status " + std::to_string(status) + " after " + describe(took) + " to " + describe(attempt));
}

void LoggingObserver::on_exchange_failed(const Attempt& attempt, const Failure& failure, Duration took) {
  const bool sent = failure.delivery == Delivery::unknown;
  lines_->write("no answer after " + describe(took) + (sent ? " (may have been sent): " : " (not sent): ") +
                failure.message + " to " + describe(attempt));
}

void LoggingObserver::on_retry(const Attempt& failed, const std::string& why, Duration pause) {
  lines_->write("again in " + describe(pause) + " because of " + why + ": " + describe(failed));
}

void LoggingObserver::on_failure(const Error& error) { lines_->write("failed: " + error.describe()); }

void LoggingObserver::on_endpoint_change(const EndpointChange& change) {
  lines_->write("endpoint " + change.endpoint + " " + std::string(describe(change.kind)) + ": " + change.reason);
}

void LoggingObserver::on_watch_gap(const std::string& key, std::uint64_t first_missed, std::uint64_t read_at) {
  lines_->write("watch of " + key + " may have missed events " + std::to_string(first_missed) + " to " +
                std::to_string(read_at));
}

}  // namespace deimos
