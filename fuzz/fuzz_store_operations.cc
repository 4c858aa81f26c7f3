// A sequence of operations on the store, compared with a naive model after each.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "store/store_exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string difference = deimos::fake::exercise_store({data, size});
  if (difference.empty()) return 0;
  std::cerr << difference;
  std::abort();
}
