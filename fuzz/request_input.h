// What the targets share whose input is a request and whose subject is its answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include <deimos/transport.h>

namespace deimos::fuzz {

/// Ends the program, showing the answer, unless it holds.
inline void require(bool holds, std::string_view what, const Response& response) {
  if (holds) return;
  std::cerr << what << "\n" << response.status << "\n" << response.body << "\n";
  std::abort();
}

/// Takes the first line out of the input, without its newline.
inline std::string take_line(std::string_view& input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  std::string line(input.substr(0, end));
  input.remove_prefix(std::min(end + 1, input.size()));
  return line;
}

}  // namespace deimos::fuzz
