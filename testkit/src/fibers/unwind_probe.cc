#include "fibers/unwind_probe.h"

#include <unwind.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "fibers/unwind_table.h"

// The C++ runtime's own judge of what a frame does with an exception (Itanium C++ ABI, level II).
extern "C" _Unwind_Reason_Code __gxx_personality_v0(int version, _Unwind_Action actions,
                                                    _Unwind_Exception_Class exception_class,
                                                    _Unwind_Exception* exception, _Unwind_Context* context);

namespace deimos::testkit {
namespace {

/// A function that may throw has a call through which exceptions pass, if only _Unwind_Resume() after its cleanups.
bool lets_exceptions_pass(const void* table) {
  CallSites sites(table);
  while (const std::optional<CallSite> site = sites.next()) {
    if (site->landing_pad == 0) return true;
  }
  return false;
}

/// Where the code of a landing pad soon jumps to, if that is in another part: null if it stays.
const unsigned char* way_out(const CodePart& part, const unsigned char* landing_pad) {
  constexpr int looked_at = 64;
  constexpr unsigned char jump = 0xe9;
  constexpr int jump_size = 5;
  for (const unsigned char* at = landing_pad; at < landing_pad + looked_at && part.contains(at + jump_size - 1); ++at) {
    if (*at != jump) continue;
    std::int32_t distance = 0;
    std::memcpy(&distance, at + 1, sizeof distance);
    const unsigned char* const target = at + jump_size + distance;
    if (!part.contains(target) && part_at(target)) return target;
  }
  return nullptr;
}

/// Whether a call runs cleanups from which its function goes on to std::terminate(): so GCC may make one that is
/// noexcept, and its table does not tell that otherwise. In doubt, no: then the exception is thrown, and the task is
/// abandoned where it is stopped; the other way, code would run that thinks it is alive.
bool cleans_up_and_terminates(const CodePart& part, const unsigned char* call) {
#if defined(__x86_64__)
  const unsigned char* landing_pad = nullptr;
  CallSites sites(part.table);
  while (const std::optional<CallSite> site = sites.next()) {
    const auto offset = static_cast<std::uint64_t>(call - part.begin);
    if (offset >= site->start && offset - site->start < site->length && site->landing_pad != 0) {
      landing_pad = part.begin + site->landing_pad;
    }
  }
  if (landing_pad == nullptr || lets_exceptions_pass(part.table)) return false;
  const unsigned char* const moved = way_out(part, landing_pad);
  if (moved == nullptr) return true;
  const std::optional<CodePart> other = part_at(moved);
  return other && other->table != nullptr && !lets_exceptions_pass(other->table);
#else
  static_cast<void>(part);
  static_cast<void>(call);
  return false;
#endif
}

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
  // The address given is that after the call.
  const auto* call = std::bit_cast<const unsigned char*>(_Unwind_GetIP(context)) - 1;
  const std::optional<CodePart> part = part_at(call);
  return part && part->table != nullptr && cleans_up_and_terminates(*part, call);
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
