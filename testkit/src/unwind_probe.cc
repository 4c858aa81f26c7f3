#include "unwind_probe.h"

#include <unwind.h>

#include <cstdint>

// The C++ runtime's own judge of what a frame does with an exception (Itanium C++ ABI, level II).
extern "C" _Unwind_Reason_Code __gxx_personality_v0(int version, _Unwind_Action actions,
                                                    _Unwind_Exception_Class exception_class,
                                                    _Unwind_Exception* exception, _Unwind_Context* context);

namespace deimos::testkit {
namespace {

struct Probe {
  std::uintptr_t base;
  // Of a class that no language claims: only `catch (...)` and noexcept stop it.
  _Unwind_Exception exception{};
  bool reached = false;
};

_Unwind_Reason_Code look_at(_Unwind_Context* context, void* argument) {
  Probe& probe = *static_cast<Probe*>(argument);
  if (_Unwind_GetRegionStart(context) == probe.base) {
    probe.reached = true;
    return _URC_NORMAL_STOP;
  }
  if (_Unwind_GetLanguageSpecificData(context) == 0) return _URC_NO_REASON;
  const _Unwind_Reason_Code found =
      __gxx_personality_v0(1, _UA_SEARCH_PHASE, probe.exception.exception_class, &probe.exception, context);
  return found == _URC_HANDLER_FOUND ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

}  // namespace

bool exception_would_reach(void (*base)(void*)) {
  Probe probe{.base = reinterpret_cast<std::uintptr_t>(base)};
  _Unwind_Backtrace(&look_at, &probe);
  return probe.reached;
}

}  // namespace deimos::testkit
