// A JSON object as the gateway writes one: 64-bit numbers in quotes, bytes in base64, what is 0 or empty left out.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base64.h"
#include "protocol/json_string.h"

namespace deimos::fake {

class GatewayWriter {
 public:
  explicit GatewayWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~GatewayWriter() { out_ += '}'; }
  GatewayWriter(const GatewayWriter&) = delete;
  GatewayWriter& operator=(const GatewayWriter&) = delete;

  template <std::integral Number>
  void number(std::string_view name, Number value) {
    if (value != 0) (begin(name) += '"').append(std::to_string(value)) += '"';
  }
  void flag(std::string_view name, bool value) {
    if (value) begin(name) += "true";
  }
  void bytes(std::string_view name, std::string_view value) {
    if (!value.empty()) quote(begin(name), value);
  }
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) append_json_string(begin(name), value);
  }
  /// `write` is given the writer of the inner object, which may be empty.
  template <typename Write>
  void object(std::string_view name, Write write) {
    GatewayWriter inner(begin(name));
    write(inner);
  }
  /// `write` is given the text and each element.
  template <typename Elements, typename Write>
  void array(std::string_view name, const Elements& elements, Write write) {
    if (elements.empty()) return;
    begin(name) += '[';
    bool first = true;
    for (const auto& element : elements) {
      if (!first) out_ += ',';
      first = false;
      write(out_, element);
    }
    out_ += ']';
  }
  static void quote(std::string& out, std::string_view bytes) {
    append_base64(out += '"', bytes);
    out += '"';
  }

 private:
  std::string& begin(std::string_view name) {
    if (!empty_) out_ += ',';
    empty_ = false;
    (out_ += '"').append(name).append("\":");
    return out_;
  }

  std::string& out_;
  bool empty_ = true;
};

}  // namespace deimos::fake
