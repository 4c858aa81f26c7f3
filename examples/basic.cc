// The calls on keys and directories: write, read, compare-and-swap, list, delete; and what a refusal looks like.
//
//     basic [http://HOST:PORT]
#include <exception>
#include <iostream>

#include <deimos/client.h>

#include "example_node.h"

namespace {

void run(const deimos::Client& client) {
  // value() throws if the call failed: fine where nothing can be done about it.
  client.set("/example/config/rate", "100").value();
  std::cout << "rate is " << *client.get("/example/config/rate").value().node.value << '\n';

  // Every call returns a Result, which says why when it failed.
  const auto missing = client.get("/example/config/colour");
  if (!missing && missing.error().code == deimos::errc::key_not_found) std::cout << "there is no colour\n";

  // create() is refused if somebody was there first.
  if (const auto again = client.create("/example/config/rate", "1"); !again) {
    std::cout << "not created: " << again.error().message << '\n';
  }

  // Only one of those who read the same index can change what they read.
  const auto read = client.get("/example/config/rate").value();
  const deimos::Compare unchanged{.index = read.node.modified_index};
  client.compare_and_swap("/example/config/rate", "200", unchanged).value();
  if (!client.compare_and_swap("/example/config/rate", "300", unchanged)) {
    std::cout << "somebody else changed the rate in between\n";
  }

  client.create_in_order("/example/jobs", "first").value();
  client.create_in_order("/example/jobs", "second").value();
  // Named, because a loop over a part of a temporary would outlive it.
  const deimos::Answer jobs = client.get("/example/jobs", {.sorted = true}).value();
  for (const deimos::Node& job : jobs.node.children) {
    std::cout << "job: " << *job.value << '\n';
  }

  client.remove("/example", {.recursive = true}).value();
  std::cout << "all gone: " << std::boolalpha << !client.get("/example").has_value() << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  run(deimos::Client({.endpoints = {node.url()}}));
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}
