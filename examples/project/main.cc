// Writes the report to the standard output, against a real cluster, or a fake one: deimos-fake.
#include <exception>
#include <iostream>

#include <deimos/client.h>
#include <deimos/version.h>

#include "report.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: report_service URL   (deimos " << deimos::version() << ")\n";
    return 2;
  }
  try {
    deimos::Client client({.endpoints = {argv[1]}});
    deimos::LockManager locks(client, {.prefix = "/locks"});
    int written = 0;
    write_report(locks, *client.runtime(),
                 {.lines = 20,
                  .append = [&](int line) { std::cout << "line " << (written = line) << "\n"; },
                  .written = [&] { return written; }});
  } catch (const std::exception& error) {
    std::cerr << "report_service: " << error.what() << "\n";
    return 1;
  }
}
