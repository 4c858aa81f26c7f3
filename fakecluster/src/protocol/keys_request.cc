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
        std::tuple{FormField::dir, "dir", &flags.dir}, std::tuple{FormField::stream, "stream", &flags.stream}}) {
    if (!form.has(field)) continue;
    const auto given = parse_bool(form.get(field));
    if (!given) return refuse(errc::invalid_field, std::string("invalid value for \"") + name + '"');
    *flag = *given;
  }
  return flags;
}

}  // namespace

// The order of the checks is the order in which Deimos makes them.
tl::expected<KeysRequest, ParseError> parse_keys_request(const Request& request, Target target, Instant now,
                                                         std::size_t form_limit) {
  Form form;
  if (auto read = read_form(form, request, target.query, form_limit); !read) return tl::unexpected(read.error());
  const auto numbers = read_numbers(form);
  if (!numbers) return tl::unexpected(numbers.error());
  const auto flags = read_flags(form);
  if (!flags) return tl::unexpected(flags.error());

  const bool get = request.method == "GET";
  if (flags->wait && !get) return refuse(errc::invalid_field, "\"wait\" can only be used with GET requests");
  std::string previous_value = form.get(FormField::prev_value);
  if (form.has(FormField::prev_value) && previous_value.empty()) {
    return refuse(errc::invalid_field, "\"prevValue\" cannot be empty");
  }
  std::optional<Instant> expiration;
  if (const std::string ttl = form.get(FormField::ttl); !ttl.empty()) {
    expiration = expiry(ttl, now);
    if (!expiration) return refuse(errc::ttl_not_a_number, "invalid value for \"ttl\"");
  }
  std::optional<bool> previous_exists;
  if (form.has(FormField::prev_exists)) {
    previous_exists = parse_bool(form.get(FormField::prev_exists));
    if (!previous_exists) return refuse(errc::invalid_field, "invalid value for prevExists");
  }

  if (get && flags->wait) return Watch{std::move(target.path), flags->recursive, flags->stream, numbers->wait_index};
  if (get) return Lookup{std::move(target.path), flags->recursive, flags->sorted};

  const bool compare = numbers->previous_index > 0 || !previous_value.empty();
  Command command;
  if (request.method == "POST") {
    command.kind = Command::Kind::create_in_order;
  } else if (request.method == "DELETE") {
    command.kind = compare ? Command::Kind::compare_and_delete : Command::Kind::remove;
  } else if (previous_exists) {
    command.kind = *previous_exists ? Command::Kind::update : Command::Kind::create;
  } else {
    command.kind = compare ? Command::Kind::compare_and_swap : Command::Kind::set;
  }
  command.key = std::move(target.path);
  command.value = form.get(FormField::value);
  command.directory = flags->dir;
  command.recursive = flags->recursive;
  command.expiration = expiration;
  command.previous_value = std::move(previous_value);
  command.previous_index = numbers->previous_index;
  return command;
}

}  // namespace deimos::fake
