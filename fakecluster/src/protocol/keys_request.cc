#include "protocol/keys_request.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/request_form.h"

namespace deimos::fake {
namespace {

tl::unexpected<ParseError> refuse(errc code, std::string cause) {
  return tl::unexpected(ParseError{code, std::move(cause)});
}

/// Decimal digits only, as Go's ParseUint: no sign, no blank.
std::optional<std::uint64_t> parse_unsigned(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> parse_bool(std::string_view text) noexcept {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

/// The instant `ttl` seconds after `now`; nothing if it is beyond what nanoseconds in 64 bits can hold.
std::optional<Instant> expiry(std::string_view ttl, Instant now) noexcept {
  const auto seconds = parse_unsigned(ttl);
  const auto room = std::chrono::floor<std::chrono::seconds>(Instant::max() - std::max(now, Instant{})).count();
  if (!seconds || *seconds >= static_cast<std::uint64_t>(room)) return std::nullopt;
  return now + std::chrono::seconds(static_cast<std::int64_t>(*seconds));
}

struct Numbers {
  std::uint64_t previous_index = 0;
  std::uint64_t wait_index = 0;
};

struct Flags {
  bool recursive = false;
  bool sorted = false;
  bool wait = false;
  bool dir = false;
  bool quorum = false;
  bool stream = false;
};

tl::expected<void, ParseError> read_form(Form& form, const Request& request, std::string_view query,
                                         std::size_t form_limit) {
  std::optional<std::string> problem;
  if (request.method == "PUT" || request.method == "POST") {
    const FormType type = FormType::of(request.content_type);
    if (!type.problem.empty()) problem = type.problem;
    if (type.is_form) problem = request.body.size() > form_limit ? "http: POST too large" : form.add(request.body);
  }
  auto query_problem = form.add(query);
  if (!problem) problem = std::move(query_problem);
  if (problem) return refuse(errc::invalid_form, *std::move(problem));
  return {};
}

tl::expected<Numbers, ParseError> read_numbers(const Form& form) {
  Numbers numbers;
  for (const auto& [field, name, number] : {std::tuple{FormField::prev_index, "prevIndex", &numbers.previous_index},
                                            std::tuple{FormField::wait_index, "waitIndex", &numbers.wait_index}}) {
    if (!form.has(field)) continue;
    const auto given = parse_unsigned(form.get(field));
    if (!given) return refuse(errc::index_not_a_number, std::string("invalid value for \"") + name + '"');
    *number = *given;
  }
  return numbers;
}

tl::expected<Flags, ParseError> read_flags(const Form& form) {
  Flags flags;
  for (const auto& [field, name, flag] :
       {std::tuple{FormField::recursive, "recursive", &flags.recursive},
        std::tuple{FormField::sorted, "sorted", &flags.sorted}, std::tuple{FormField::wait, "wait", &flags.wait},
        std::tuple{FormField::dir, "dir", &flags.dir}, std::tuple{FormField::quorum, "quorum", &flags.quorum},
        std::tuple{FormField::stream, "stream", &flags.stream}}) {
    if (!form.has(field)) continue;
    const auto given = parse_bool(form.get(field));
    if (!given) return refuse(errc::invalid_field, std::string("invalid value for \"") + name + '"');
    *flag = *given;
  }
  return flags;
}

/// A bool that may be left out; `name` is what an error calls it.
tl::expected<std::optional<bool>, ParseError> read_optional(const Form& form, FormField field, std::string_view name) {
  if (!form.has(field)) return std::nullopt;
  const auto given = parse_bool(form.get(field));
  if (!given) return refuse(errc::invalid_field, std::string("invalid value for ").append(name));
  return given;
}

/// What a PUT or DELETE compares, and what a PUT says of the key's existence.
Command::Kind kind_of(const Command& command, std::string_view method, const std::optional<bool>& previous_exists,
                      bool update_compares) {
  using Kind = Command::Kind;
  const bool compare = command.previous_index > 0 || !command.previous_value.empty();
  if (method == "POST") return Kind::create_in_order;
  if (method == "DELETE") return compare ? Kind::compare_and_delete : Kind::remove;
  if (previous_exists == false) return Kind::create;
  if (previous_exists == true && !(compare && update_compares)) return Kind::update;
  return compare ? Kind::compare_and_swap : Kind::set;
}

/// The rest of a request that writes, whose `command` has what it compares.
tl::expected<Write, ParseError> read_write(const KeysDialect& dialect, const Form& form, const Request& request,
                                           Command command, Instant now) {
  const auto brief = read_optional(form, FormField::no_value_on_success, "\"noValueOnSuccess\"");
  if (!brief) return tl::unexpected(brief.error());
  if (const std::string ttl = form.get(FormField::ttl); !ttl.empty()) {
    command.expiration = expiry(ttl, now);
    if (!command.expiration) return refuse(errc::ttl_not_a_number, "invalid value for \"ttl\"");
  }
  const auto previous_exists = read_optional(form, FormField::prev_exists, dialect.fields[FormField::prev_exists]);
  if (!previous_exists) return tl::unexpected(previous_exists.error());
  const auto refresh = read_optional(form, FormField::refresh, "refresh");
  if (!refresh) return tl::unexpected(refresh.error());
  command.value = form.get(FormField::value);
  command.refresh = refresh->value_or(false);
  if (command.refresh && !command.value.empty()) {
    return refuse(errc::refresh_with_value, "A value was provided on a refresh");
  }
  if (command.refresh && !command.expiration) return refuse(errc::refresh_without_ttl, "No TTL value set");
  command.kind = kind_of(command, request.method, *previous_exists, dialect.update_compares);
  return Write{std::move(command), brief->value_or(false)};
}

}  // namespace

// The order of the checks is the order in which the server makes them.
tl::expected<KeysRequest, ParseError> parse_keys_request(const KeysDialect& dialect, const Request& request,
                                                         Target target, Instant now, std::size_t form_limit) {
  Form form(dialect.fields);
  if (auto read = read_form(form, request, target.query, form_limit); !read) return tl::unexpected(read.error());
  const auto numbers = read_numbers(form);
  if (!numbers) return tl::unexpected(numbers.error());
  const auto flags = read_flags(form);
  if (!flags) return tl::unexpected(flags.error());
  if (flags->wait && request.method != "GET") {
    return refuse(errc::invalid_field, "\"wait\" can only be used with GET requests");
  }
  Command command;
  command.directory = flags->dir;
  command.recursive = flags->recursive;
  command.previous_value = form.get(FormField::prev_value);
  command.previous_index = numbers->previous_index;
  if (form.has(FormField::prev_value) && command.previous_value.empty()) {
    return refuse(dialect.empty_previous_value, "\"prevValue\" cannot be empty");
  }
  // Whatever the method: what cannot be read is refused.
  auto write = read_write(dialect, form, request, std::move(command), now);
  if (!write) return tl::unexpected(write.error());

  const bool get = request.method == "GET";
  if (get && flags->wait && !flags->quorum) {
    return Watch{std::move(target.path), flags->recursive, flags->stream, numbers->wait_index};
  }
  if (get || request.method == "HEAD") {
    return Lookup{std::move(target.path), flags->recursive, flags->sorted,
                  dialect.reads_locally && !(get && flags->quorum)};
  }
  write->command.key = std::move(target.path);
  return *std::move(write);
}

}  // namespace deimos::fake
