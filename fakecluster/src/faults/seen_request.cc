#include "faults/seen_request.h"

#include <string>

#include "protocol/request_form.h"

namespace deimos::fake {
namespace {

bool is_watch(const Request& request, const Target& target, const KeysDialect& dialect) {
  if (target.kind != Target::Kind::keys) return false;
  if (!dialect.watch_key.empty()) return request.method == "POST" && target.path == dialect.watch_key;
  if (request.method != "GET") return false;
  Form form(dialect.fields);
  if (form.add(target.query)) return false;
  const std::string wait = form.get(FormField::wait);
  return !wait.empty() && (wait[0] == '1' || wait[0] == 't' || wait[0] == 'T');
}

}  // namespace

SeenRequest::SeenRequest(std::string_view its_client, NodeId its_node, const Request& its_request,
                         const KeysDialect& dialect)
    : client(its_client),
      node(its_node),
      request(its_request),
      target(Target::parse(its_request.target, dialect)),
      method(is_watch(its_request, target, dialect) ? "WATCH" : std::string_view(its_request.method)) {}

}  // namespace deimos::fake
