#include "wire/answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "wire/endpoint_url.h"
#include "wire/json_document.h"

namespace deimos {
namespace {

struct NamedAction {
  std::string_view name;
  Action action;
};
constexpr std::array<NamedAction, 8> actions = {{{"get", Action::get},
                                                 {"create", Action::create},
                                                 {"set", Action::set},
                                                 {"update", Action::update},
                                                 {"delete", Action::remove},
                                                 {"compareAndSwap", Action::compare_and_swap},
                                                 {"compareAndDelete", Action::compare_and_delete},
                                                 {"expire", Action::expire}}};

/// An error code that this library knows: everything else a server sends as such is not its own.
bool is_store_code(std::uint64_t code) {
  if (code > static_cast<std::uint64_t>(errc::history_cleared)) return false;
  switch (static_cast<errc>(code)) {
    case errc::key_not_found:
    case errc::compare_failed:
    case errc::not_a_file:
    case errc::not_a_directory:
    case errc::key_already_exists:
    case errc::root_is_read_only:
    case errc::directory_not_empty:
    case errc::unauthorized:
    case errc::previous_value_required:
    case errc::ttl_not_a_number:
    case errc::index_not_a_number:
    case errc::invalid_field:
    case errc::invalid_form:
    case errc::refresh_with_value:
    case errc::refresh_without_ttl:
    case errc::raft_internal_error:
    case errc::leader_election:
    case errc::history_cleared: return true;
    default: return false;
  }
}

std::uint64_t header_number(const Headers& headers, std::string_view name) {
  const std::string* text = find_header(headers, name);
  std::uint64_t number = 0;
  if (text == nullptr) return 0;
  const char* end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, number);
  return error == std::errc() && stopped == end ? number : 0;
}

/// Enough of a body to recognise it by, fit for one line of a log.
std::string excerpt(std::string_view body) {
  constexpr std::size_t longest = 60;
  std::string text(body.substr(0, longest));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  if (body.size() > longest) text += "…";
  return text;
}

tl::unexpected<Error> not_the_stores(const Response& response, const StoreDialect& dialect, const std::string& why) {
  auto failure = fail(errc::protocol_error, "the answer with status " + std::to_string(response.status) +
                                                " is not one of " + std::string(dialect.name) + ": " + why);
  failure.value().cause = excerpt(response.body);
  return failure;
}

Result<Answer> read_success(Response response, const StoreDialect& dialect) {
  auto document = read_json_document(response.body, dialect.root_is_nameless);
  if (!document) return not_the_stores(response, dialect, document.error());
  if (!document->action || !document->node) return not_the_stores(response, dialect, "it lacks `action` or `node`");
  const auto named = std::find_if(actions.begin(), actions.end(),
                                  [&](const NamedAction& known) { return known.name == *document->action; });
  if (named == actions.end()) return not_the_stores(response, dialect, "its `action` is unknown");

  Answer answer;
  answer.action = named->action;
  answer.node = std::move(*document->node);
  answer.prev_node = std::move(document->prev_node);
  answer.index = header_number(response.headers, dialect.index_header);
  answer.raft_index = header_number(response.headers, "X-Raft-Index");
  answer.raft_term = header_number(response.headers, "X-Raft-Term");
  answer.headers = std::move(response.headers);
  return answer;
}

Result<Answer> read_refusal(const Response& response, const StoreDialect& dialect) {
  // The store appends a second line that is not JSON.
  const std::string_view body = response.body;
  const std::string_view first_line = body.substr(0, body.find('\n'));
  if (first_line.empty() || first_line.front() != '{')
    return not_the_stores(response, dialect, "no error object in it");
  auto document = read_json_document(first_line, dialect.root_is_nameless);
  if (!document) return not_the_stores(response, dialect, document.error());
  if (!document->error_code) return not_the_stores(response, dialect, "it lacks `errorCode`");
  if (!is_store_code(*document->error_code)) {
    return not_the_stores(response, dialect, "error code " + std::to_string(*document->error_code) + " is unknown");
  }
  Error error;
  error.code = static_cast<errc>(*document->error_code);
  error.message = std::move(document->message);
  error.cause = std::move(document->cause);
  error.index = document->index != 0 ? document->index : header_number(response.headers, dialect.index_header);
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

std::string_view to_string(Action action) noexcept {
  for (const NamedAction& named : actions) {
    if (named.action == action) return named.name;
  }
  return "unknown";
}

Result<Answer> read_answer(Response response, const StoreDialect& dialect) {
  if (response.status == 200 || response.status == 201) return read_success(std::move(response), dialect);
  if (response.status >= 400) return read_refusal(response, dialect);
  return not_the_stores(response, dialect, "no such status is used");
}

/// Far more than any cluster has.
constexpr std::size_t most_members = 1000;

Result<std::vector<std::string>> read_machines(const Response& response) {
  const StoreDialect& dialect = store_dialect(Dialect::deimos);
  if (response.status != 200) return not_the_stores(response, dialect, "a list of machines has status 200");
  std::vector<std::string> urls;
  std::string_view rest = response.body;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view item = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\n')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\n')) item.remove_suffix(1);
    auto url = EndpointUrl::parse(item);
    if (!url) return not_the_stores(response, dialect, url.error());
    if (std::find(urls.begin(), urls.end(), url->text()) == urls.end()) urls.push_back(url->text());
    if (urls.size() > most_members) {
      return not_the_stores(response, dialect, "it lists more than " + std::to_string(most_members) + " machines");
    }
  }
  if (urls.empty()) return not_the_stores(response, dialect, "the list of machines is empty");
  return urls;
}

}  // namespace deimos
