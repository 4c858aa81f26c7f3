#include <chrono>
#include <cstddef>
#include <cstdint>
#include <locale>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include <deimos/lock_metrics.h>

namespace deimos {
namespace {

/// Of a label: within double quotes.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char byte : text) {
    if (byte == '\n') {
      result += "\\n";
      continue;
    }
    if (byte == '"' || byte == '\\') result += '\\';
    result += byte;
  }
  return result;
}

/// Writes one metric after the other.
class Page {
 public:
  Page() {
    out_.imbue(std::locale::classic());
    out_.precision(17);
  }

  void metric(std::string_view name, std::string_view type, std::string_view meaning) {
    name_ = name;
    out_ << "# HELP " << name_ << ' ' << meaning << "\n# TYPE " << name_ << ' ' << type << '\n';
  }
  /// With `label`, `name="value"`.
  template <typename Number>
  void sample(Number value, std::string_view label = {}, std::string_view suffix = {}) {
    out_ << name_ << suffix;
    if (!label.empty()) out_ << '{' << label << '}';
    out_ << ' ' << value << '\n';
  }

  template <typename Number>
  void gauge(std::string_view name, std::string_view meaning, Number value) {
    metric(name, "gauge", meaning);
    sample(value);
  }
  void counter(std::string_view name, std::string_view meaning, std::uint64_t value) {
    metric(name, "counter", meaning);
    sample(value);
  }
  void by_cause(std::string_view name, std::string_view meaning,
                const std::map<std::error_code, std::uint64_t>& counts) {
    metric(name, "counter", meaning);
    for (const auto& [why, count] : counts) sample(count, "cause=\"" + escaped(why.message()) + '"');
  }
  void histogram(std::string_view name, std::string_view meaning, const DurationHistogram& durations) {
    metric(name, "histogram", meaning);
    std::uint64_t up_to = 0;
    for (std::size_t i = 0; i < durations.buckets.size(); ++i) {
      up_to += durations.buckets[i];
      sample(up_to, "le=\"" + bound(i) + '"', "_bucket");
    }
    sample(durations.sum, {}, "_sum");
    sample(durations.count, {}, "_count");
  }

  [[nodiscard]] std::string text() const { return out_.str(); }

 private:
  static std::string bound(std::size_t bucket) {
    if (bucket == DurationHistogram::bounds.size()) return "+Inf";
    std::ostringstream seconds;
    seconds.imbue(std::locale::classic());
    seconds << std::chrono::duration<double>(DurationHistogram::bounds.at(bucket)).count();
    return seconds.str();
  }

  std::ostringstream out_;
  std::string name_;
};

void write_locks(Page& page, const LockFigures& figures) {
  page.gauge("deimos_locks_held", "Acquisitions that are held now.", figures.held);
  page.gauge("deimos_locks_waiting", "Calls that wait for a lock now.", figures.waiting);
  page.counter("deimos_locks_acquired_total", "Acquisitions of locks.", figures.acquired);
  page.counter("deimos_locks_released_total", "Releases that the store has confirmed.", figures.released);
  page.by_cause("deimos_locks_lost_total", "Acquisitions that ended before their release.", figures.lost);
  page.by_cause("deimos_locks_failed_total", "Calls that waited for a lock in vain.", figures.failed);
  page.histogram("deimos_lock_wait_seconds", "How long calls waited for a lock.", figures.waits);
  page.histogram("deimos_lock_hold_seconds", "How long locks were held.", figures.holds);
}

void write_leases(Page& page, const LockFigures& figures) {
  page.counter("deimos_lease_renewals_total", "Renewals that the store has confirmed.", figures.renewals);
  page.counter("deimos_lease_renewals_failed_total", "Renewals that were unclear or refused.", figures.failed_renewals);
  page.counter("deimos_lease_renewals_late_total", "Renewals too late for a second try.", figures.late_renewals);
  page.histogram("deimos_lease_renewal_lag_seconds", "How much later than planned renewals were sent.",
                 figures.renewal_lag);
  page.counter("deimos_lock_places_lost_total", "Places in queues that were lost.", figures.places_lost);
  page.counter("deimos_locks_left_to_cleaner_total", "Releases and attempts finished in the background.",
               figures.left_to_cleaner);
  page.counter("deimos_locks_left_to_expire_total", "Records left to the end of their lease.", figures.left_to_expire);
  page.counter("deimos_lock_stray_unlocks_total", "Unlocks by tasks that did not hold the lock.",
               figures.stray_unlocks);
}

void write_requests(Page& page, const LockFigures& figures) {
  page.metric("deimos_requests_total", "counter", "Requests to the store, with a complete answer or without.");
  for (const auto& [name, endpoint] : figures.endpoints) {
    const std::string label = "endpoint=\"" + escaped(name) + "\",outcome=\"";
    page.sample(endpoint.answered, label + "answered\"");
    page.sample(endpoint.failed, label + "failed\"");
  }
  page.metric("deimos_endpoint_up", "gauge", "Whether the endpoint is in use.");
  for (const auto& [name, endpoint] : figures.endpoints) {
    page.sample(endpoint.up ? 1 : 0, "endpoint=\"" + escaped(name) + '"');
  }
  page.histogram("deimos_request_duration_seconds", "How long requests took.", figures.requests);
  page.counter("deimos_request_retries_total", "Requests sent again after a failure.", figures.retries);
}

}  // namespace

std::string prometheus_text(const LockFigures& figures) {
  Page page;
  write_locks(page, figures);
  write_leases(page, figures);
  write_requests(page, figures);
  return page.text();
}

}  // namespace deimos
