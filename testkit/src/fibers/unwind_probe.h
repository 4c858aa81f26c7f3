// Whether an exception can leave the functions that run.
#pragma once

namespace deimos::testkit {

/// True if an exception that nobody expects, thrown by the caller, would unwind up to the function at `base`, which is
/// on the stack and must not be inlined: no function on the way is noexcept (nor a destructor that throws nothing), and
/// none has a `catch (...)`. Looks at the unwind tables as a throw would; costs microseconds.
[[nodiscard]] bool exception_would_reach(void (*base)(void*));

}  // namespace deimos::testkit
