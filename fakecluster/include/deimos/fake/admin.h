// The admin API: a cluster's state, faults, rules and clock over HTTP, for programs in any language.
//
//   deimos::fake::Admin admin(cluster);
//   deimos::fake::HttpServer server(admin, {.port = 4000});
//
//   curl localhost:4000/faults --json '{"kind": "partition", "groups": [[1], [2, 3]]}'
//
//   GET /               what there is, as text
//   GET /cluster        the ClusterState
//   POST /wait          `{"until": condition, "within": "5s"}`: moves a manual clock until it holds, or lets time pass
//   GET /journal        what was asked of the nodes; filters as a query: `?method=PUT&key=/locks/*&since=7&limit=10`
//   DELETE /journal     forgets it
//   POST /journal/verify   `{"match": filter, "exactly": 3}`, or `at_least`, `at_most`
//   GET /data           what is stored (data_json.h); with `?indexes=true` also the indexes
//   PUT /data           replaces it
//   POST /plan          runs a plan of faults from now on
//   POST /faults        makes the fault in the body happen, with `after` (a duration) later: `description`, `id`
//   GET /faults         the faults to come: `id`, `at`, `fault`
//   DELETE /faults/ID   takes back a fault to come
//   POST /rules         adds the rule in the body: `id`, `description`
//   GET /rules          the rules in force, each a RuleStatus
//   DELETE /rules/ID    removes a rule; without `/ID` all of them
//   GET /clock          `now`: true time
//   POST /clock         `{"advance": "5s"}`, at most 24 hours: moves a manual clock
//   POST /reset         nothing, or `{"seed": 7}`: a cluster as if made anew
//
// Bodies are JSON as in fault_json.h, and `Content-Type` says so; fields are named as in C++. No web page is let in: an
// `Origin` and a `Host` that is not a loopback name or address are refused (403). Refused, with
// `{"error": "why"}` and nothing changed: what is malformed or impossible (400), what is not there (404), another
// method (405), a clock that moves by itself, data that nobody can commit, a journal that is not kept (409). What was
// to be verified or waited for and is not so: 417, and `error` says what is, and what came nearest.
#pragma once

#include <memory>

#include <deimos/fake/cluster.h>
#include <deimos/fake/request_handler.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

class AdminWaits;

/// Who can reach it can do anything to the cluster, and there are no credentials: serve it on a loopback address only.
/// The cluster must outlive it. Answers at once, but for a wait that takes real time (16 of these at once).
class DEIMOS_EXPORT Admin final : public RequestHandler {
 public:
  explicit Admin(Cluster& cluster);
  /// Ends what still waits.
  ~Admin() override;
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  Ticket handle(const Request& request, std::shared_ptr<Reply> reply) override;
  void abandon(Ticket ticket) override;
  [[nodiscard]] Instant now() const override;

  /// Answers when it has returned: a wait blocks.
  [[nodiscard]] Response handle(const Request& request);

 private:
  Cluster& cluster_;
  std::unique_ptr<AdminWaits> waits_;
};

}  // namespace deimos::fake
