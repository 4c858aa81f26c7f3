#include "protocol/replayer.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "protocol/json_difference.h"

namespace deimos::fake {
namespace {

std::string header(const Response& response, std::string_view name) {
  const std::string* value = find_header(response.headers, name);
  return value ? *value : "(none)";
}

/// The recorded value of a header, "(none)" if the step says nothing of it.
std::string recorded(const Json& step, const char* name) {
  const auto found = step.find(name);
  if (found == step.end() || found->is_null()) return "(none)";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

class Comparison {
 public:
  Comparison(const Json& step, const Response& response) : step_(step), response_(response) {
    note("status", step.at("status").dump(), std::to_string(response.status));
    note("Content-Type", recorded(step, "content_type"), header(response, "Content-Type"));
    note("Allow", recorded(step, "allow"), header(response, "Allow"));
    note("Location", recorded(step, "location"), header(response, "Location"));
    note("X-Deimos-Index", recorded(step, "deimos_index"), header(response, "X-Deimos-Index"));
    for (const char* name : {"X-Raft-Index", "X-Raft-Term"}) {
      const bool sent = find_header(response.headers, name) != nullptr;
      note(name, step.at("raft_headers").get<bool>() ? "sent" : "not sent", sent ? "sent" : "not sent");
    }
    if (step.contains("body")) {
      compare_body();
    } else if (response.status != 301) {
      note("body", step.at("text").get<std::string>(), response.body);
    }
  }

  [[nodiscard]] const std::string& differences() const noexcept { return differences_; }

 private:
  void note(const std::string& what, const std::string& expected, const std::string& actual) {
    if (expected != actual) differences_ += "; " + what + ": expected " + expected + ", got " + actual;
  }

  void compare_body() {
    const std::size_t end = std::min(response_.body.find('\n'), response_.body.size());
    Json actual = Json::parse(response_.body.substr(0, end), nullptr, false);
    Json expected = step_.at("body");
    if (step_.value("target", "").find("sorted=true") == std::string::npos) {
      sort_nodes(actual);
      sort_nodes(expected);
    }
    if (const auto found = difference(expected, actual, "body"); !found.empty()) differences_ += "; " + found;
    note("after the first line", step_.value("trailer", ""),
         response_.body.substr(std::min(end + 1, response_.body.size())));
  }

  const Json& step_;
  const Response& response_;
  std::string differences_;
};

Request request_of(const Json& step) {
  Request request{step.at("method"), step.at("target"), {}, {}, {}};
  if (step.contains("form")) {
    request.body = step.at("form");
    request.content_type = "application/x-www-form-urlencoded";
  }
  return request;
}

}  // namespace

std::vector<std::string> Replayer::replay(const std::filesystem::path& session) {
  std::ifstream file(session, std::ios::binary);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error("cannot read " + session.string());
  std::vector<std::string> differences;
  for (int number = 2; std::getline(file, line); ++number) {
    const Json step = Json::parse(line);
    subject_.move_to(std::chrono::milliseconds(step.at("t").get<std::int64_t>()));
    const std::string what = step.at("do");
    Response response;
    if (what == "start") {
      subject_.start(step.at("id"), request_of(step));
      continue;
    }
    response = what == "await" ? subject_.await(step.at("id")) : subject_.exchange(request_of(step));
    ++compared_;
    const Comparison comparison(step, response);
    if (comparison.differences().empty()) continue;
    differences.push_back(session.filename().string() + ":" + std::to_string(number) + " " +
                          step.value("method", "await") + " " + step.value("target", step.value("id", "")) + " " +
                          step.value("form", "") + comparison.differences());
  }
  return differences;
}

std::vector<std::filesystem::path> recorded_sessions() {
  std::vector<std::filesystem::path> sessions;
  for (const auto& file : std::filesystem::directory_iterator(DEIMOS_CONFORMANCE_SESSIONS)) {
    if (file.path().extension() == ".jsonl") sessions.push_back(file.path());
  }
  std::sort(sessions.begin(), sessions.end());
  return sessions;
}

}  // namespace deimos::fake
