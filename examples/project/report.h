// The service: of all its instances, the one that holds the lock writes the report.
#pragma once

#include <functional>

#include <deimos/lock_manager.h>
#include <deimos/runtime.h>

struct Report {
  int lines = 1000;
  /// Called with 1, 2, … up to `lines`. Must refuse a line that is there already, for instance by an exception.
  std::function<void(int line)> append;
  /// How many lines there are.
  std::function<int()> written;
};

/// Returns once the report is complete, whoever wrote it. Throws tl::bad_expected_access<deimos::Error> if the
/// store cannot be reached.
void write_report(deimos::LockManager& locks, deimos::Runtime& runtime, const Report& report);
