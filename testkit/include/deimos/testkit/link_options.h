// One link of the simulated network.
#pragma once

#include <chrono>

#include <deimos/runtime.h>

namespace deimos::testkit {

/// Which way messages do not get through.
enum class Direction { requests, answers, both };

/// How messages between a process and a node, or between two processes, fare.
struct LinkOptions {
  Duration latency_min = std::chrono::microseconds(200);  ///< One way.
  Duration latency_max = std::chrono::milliseconds(1);    ///< Drawn for each message, so messages overtake each other.
  double request_loss = 0;                                ///< Probability, for each message.
  double answer_loss = 0;                                 ///< The request was handled; nobody hears of it.
  double duplication = 0;                                 ///< A request is handled twice; one answer counts.
};

}  // namespace deimos::testkit
