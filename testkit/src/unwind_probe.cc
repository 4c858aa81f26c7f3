#include "unwind_probe.h"

#include <unwind.h>

#include <cstdint>
#include <cstring>

// The C++ runtime's own judge of what a frame does with an exception (Itanium C++ ABI, level II).
extern "C" _Unwind_Reason_Code __gxx_personality_v0(int version, _Unwind_Action actions,
                                                    _Unwind_Exception_Class exception_class,
                                                    _Unwind_Exception* exception, _Unwind_Context* context);

namespace deimos::testkit {
namespace {

/// Reads a function's call-site table: which of its calls lead where when they throw.
class CallSites {
 public:
  explicit CallSites(const void* table) : at_(static_cast<const unsigned char*>(table)) {
    constexpr unsigned char omitted = 0xff;
    if (*at_++ != omitted) return;  // Landing pads that lie elsewhere: not written by the compilers we know.
    if (*at_++ != omitted) static_cast<void>(uleb128());
    encoding_ = *at_++;
    const std::uint64_t length = uleb128();
    end_ = at_ + length;
    known_ = encoding_ == as_uleb128 || encoding_ == as_4_bytes;
  }

  /// Whether the call at `offset` runs cleanups, and no call of the function unwinds without any. A function that may
  /// throw has such a call, if only _Unwind_Resume() after the cleanups. In one that is noexcept, GCC goes on from the
  /// cleanups to std::terminate(), which its table does not tell otherwise.
  [[nodiscard]] bool cleans_up_and_terminates(std::uint64_t offset) {
    bool cleans_up = false;
    while (known_ && at_ < end_) {
      const std::uint64_t start = value();
      const std::uint64_t length = value();
      const std::uint64_t landing_pad = value();
      static_cast<void>(uleb128());  // What it catches.
      if (landing_pad == 0) return false;
      if (offset >= start && offset < start + length) cleans_up = true;
    }
    return cleans_up;
  }

 private:
  static constexpr unsigned char as_uleb128 = 0x01;
  static constexpr unsigned char as_4_bytes = 0x03;

  std::uint64_t value() {
    if (encoding_ == as_uleb128) return uleb128();
    std::uint32_t number = 0;
    std::memcpy(&number, at_, sizeof number);
    at_ += sizeof number;
    return number;
  }

  std::uint64_t uleb128() {
    std::uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
      const unsigned char byte = *at_++;
      number |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return number;
    }
  }

  const unsigned char* at_;
  const unsigned char* end_ = nullptr;
  unsigned char encoding_ = 0;
  bool known_ = false;
};

struct Probe {
  std::uintptr_t base;
  // Of a class that no language claims: only `catch (...)` and noexcept stop it.
  _Unwind_Exception exception{};
  bool reached = false;
};

bool stops_exceptions(_Unwind_Context* context, Probe& probe) {
  const auto table = reinterpret_cast<const void*>(_Unwind_GetLanguageSpecificData(context));
  if (table == nullptr) return false;
  if (__gxx_personality_v0(1, _UA_SEARCH_PHASE, probe.exception.exception_class, &probe.exception, context) ==
      _URC_HANDLER_FOUND) {
    return true;
  }
  const std::uintptr_t call = _Unwind_GetIP(context) - 1;  // The address given is that after the call.
  return CallSites(table).cleans_up_and_terminates(call - _Unwind_GetRegionStart(context));
}

_Unwind_Reason_Code look_at(_Unwind_Context* context, void* argument) {
  Probe& probe = *static_cast<Probe*>(argument);
  probe.reached = _Unwind_GetRegionStart(context) == probe.base;
  return probe.reached || stops_exceptions(context, probe) ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

}  // namespace

bool exception_would_reach(void (*base)(void*)) {
  Probe probe{.base = reinterpret_cast<std::uintptr_t>(base)};
  _Unwind_Backtrace(&look_at, &probe);
  return probe.reached;
}

}  // namespace deimos::testkit
