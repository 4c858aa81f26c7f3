#include "protocol/etcd2/session.h"

#include <array>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <deimos/internal/percent_coding.h>

namespace deimos::fake {
namespace {

constexpr std::size_t most_watches = 12;
constexpr std::size_t most_learnt = 6;

constexpr std::array<std::string_view, 14> keys = {"/a",  "/b",    "/a/x",  "/a/x/1", "/a/x/2", "/ab",       "/c/d",
                                                   "/_h", "/_h/k", "/a/_h", "/q",     "/q",     "/sp%20ace", "/"};
constexpr std::array<std::string_view, 6> values = {"1", "2", "%3C%26%3E", "%C3%A4", "", "three%20words"};
constexpr std::array<std::string_view, 8> flags = {"true", "true", "true", "1", "t", "false", "0", "yes"};

constexpr std::array<std::string_view, 14> strange_steps = {
    "PUT /v2/keys/a ttl=x",
    "PUT /v2/keys/a value=%zz",
    "PUT /v2/keys/a refresh=true",
    "PUT /v2/keys/a refresh=maybe&ttl=100",
    "PUT /v2/keys/a value=1;ttl=5",
    "PUT /v2/keys/a?wait=true value=1",
    "PATCH /v2/keys/a value=1",
    "GET /v2/keys/a?waitIndex=-1",
    "GET /v2/keys//a",
    "GET /v2/keysx",
    "OPTIONS /v2/keys/a",
    "GET /v2/machines",
    "POST /v2/stats/self",
    "DELETE /v2/keys/a?prevValue=",
};

}  // namespace

std::string Step::text() const {
  std::string line = verb;
  if (!target.empty()) line += " " + target;
  if (!form.empty()) line += " " + form;
  return line;
}

Request Step::request() const {
  Request request{verb == "WATCH" ? "GET" : verb, target, {}, {}, {}};
  if (!form.empty()) {
    request.body = form;
    request.content_type = "application/x-www-form-urlencoded";
  }
  return request;
}

Step Step::parse(const std::string& line) {
  std::istringstream words(line);
  Step step;
  words >> step.verb >> step.target;
  words >> std::ws;
  std::getline(words, step.form);
  if (step.verb.empty() || (step.target.empty() && step.verb != "LEAVE")) {
    throw std::runtime_error("not a step: '" + line + "'");
  }
  return step;
}

std::vector<Session> read_sessions(std::istream& lines) {
  std::vector<Session> sessions;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (line.starts_with("# ")) {
      sessions.push_back({line.substr(2), {}});
    } else if (sessions.empty()) {
      throw std::runtime_error("a step before the first '# NAME'");
    } else {
      sessions.back().steps.push_back(Step::parse(line));
    }
  }
  return sessions;
}

void RandomSteps::learn(const std::string& key) {
  if (learnt_.size() == most_learnt) learnt_.erase(learnt_.begin());
  internal::append_percent_encoded(learnt_.emplace_back(), key, "/_");
}

std::string RandomSteps::key() {
  if (!learnt_.empty() && random_.chance(0.15)) return "/v2/keys" + learnt_[random_.below(learnt_.size())];
  return "/v2/keys" + std::string(keys[random_.below(random_.chance(0.1) ? keys.size() : keys.size() - 1)]);
}

std::string RandomSteps::value() { return std::string(values[random_.below(values.size())]); }
std::string RandomSteps::flag() {
  return std::string(flags[random_.below(flags.size() - (random_.chance(0.05) ? 0 : 1))]);
}

std::string RandomSteps::index_near(std::uint64_t index) {
  const std::uint64_t back = random_.below(random_.chance(0.1) ? 1500 : 12);
  return std::to_string(index + 2 > back ? index + 2 - back : 0);
}

Step RandomSteps::next(std::uint64_t index, std::size_t watches) {
  if (has_short_lease_) {
    // Before anything else: whether a key has gone yet is then no question of milliseconds.
    has_short_lease_ = false;
    return {"SLEEP", "1700"};
  }
  const std::uint64_t kind = random_.below(100);
  if (kind < 46) return write(index);
  if (kind < 60) return removal(index);
  if (kind < 78) return read();
  if (kind < 92) return watches < most_watches ? watch(index) : Step{"LEAVE"};
  return strange();
}

Step RandomSteps::write(std::uint64_t index) {
  Step step{random_.chance(0.15) ? "POST" : "PUT", key()};
  std::vector<std::string> fields;
  const bool refresh = random_.chance(0.12);
  if (refresh) fields.push_back("refresh=" + flag());
  if (refresh ? random_.chance(0.1) : random_.chance(0.85)) fields.push_back("value=" + value());
  if (random_.chance(0.15)) fields.push_back("dir=" + flag());
  if (random_.chance(0.3)) fields.push_back("prevExist=" + flag());
  if (random_.chance(0.15)) fields.push_back("prevValue=" + value());
  if (random_.chance(0.15)) fields.push_back("prevIndex=" + index_near(index));
  if (random_.chance(0.1)) fields.push_back("noValueOnSuccess=" + flag());
  if (random_.chance(0.01)) {
    has_short_lease_ = true;
    fields.emplace_back("ttl=1");
  } else if (random_.chance(refresh ? 0.9 : 0.25)) {
    fields.push_back("ttl=" + std::to_string(1000 + random_.below(1000)));
  }
  random_.shuffle(fields);
  for (const std::string& field : fields) {
    if (random_.chance(0.1)) {
      step.target += (step.target.find('?') == std::string::npos ? "?" : "&") + field;
    } else {
      step.form += (step.form.empty() ? "" : "&") + field;
    }
  }
  return step;
}

Step RandomSteps::removal(std::uint64_t index) {
  Step step{"DELETE", key() + "?"};
  if (random_.chance(0.3)) step.target += "&recursive=" + flag();
  if (random_.chance(0.2)) step.target += "&dir=" + flag();
  if (random_.chance(0.2)) step.target += "&prevValue=" + value();
  if (random_.chance(0.2)) step.target += "&prevIndex=" + index_near(index);
  if (random_.chance(0.05)) step.form = "prevValue=7";  // Which it does not read.
  return step;
}

Step RandomSteps::read() {
  Step step{random_.chance(0.1) ? "HEAD" : "GET", key() + "?"};
  if (random_.chance(0.4)) step.target += "&recursive=" + flag();
  if (random_.chance(0.4)) step.target += "&sorted=" + flag();
  if (random_.chance(0.4)) step.target += "&quorum=" + flag();
  return step;
}

Step RandomSteps::watch(std::uint64_t index) {
  Step step{"WATCH", key() + "?wait=true"};
  if (random_.chance(0.5)) step.target += "&recursive=" + flag();
  if (random_.chance(0.7)) step.target += "&waitIndex=" + index_near(index);
  if (random_.chance(0.3)) step.target += "&stream=" + flag();
  if (random_.chance(0.05)) step.target += "&quorum=" + flag();
  return step;
}

Step RandomSteps::strange() { return Step::parse(std::string(strange_steps[random_.below(strange_steps.size())])); }

}  // namespace deimos::fake
