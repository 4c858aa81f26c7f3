#include "scheduler/thread_activity.h"

#ifdef __linux__

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <string_view>

namespace deimos::testkit {
namespace {

struct SystemCall {
  long number;
  std::string_view name;
};

/// Those in which test code that waits for something real is found.
constexpr SystemCall waiting_calls[] = {
    {SYS_futex, "futex: a mutex, condition variable, semaphore or future, or a thread that is joined"},
    {SYS_clock_nanosleep, "clock_nanosleep: a sleep in real time"},
    {SYS_nanosleep, "nanosleep: a sleep in real time"},
    {SYS_read, "read"},
    {SYS_readv, "readv"},
    {SYS_pread64, "pread64"},
    {SYS_write, "write"},
    {SYS_writev, "writev"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_sendto, "sendto"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_connect, "connect"},
    {SYS_accept, "accept"},
    {SYS_accept4, "accept4"},
    {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect6"},
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_wait4, "wait4: the end of a child process"},
    {SYS_waitid, "waitid: the end of a child process"},
    {SYS_flock, "flock"},
    {SYS_fcntl, "fcntl"},
    {SYS_fsync, "fsync"},
    {SYS_openat, "openat"},
// Newer architectures have only their successors.
#ifdef SYS_poll
    {SYS_poll, "poll"},
#endif
#ifdef SYS_select
    {SYS_select, "select"},
#endif
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait"},
#endif
#ifdef SYS_pause
    {SYS_pause, "pause"},
#endif
};

/// The first line of what the system tells about `thread`; empty if it does not.
std::string told(ThreadId thread, const char* what) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/" + what);
  std::string line;
  std::getline(file, line);
  return line;
}

/// R, S, D, …; `?` if it is not told.
char state_of(ThreadId thread) {
  const std::string stat = told(thread, "stat");
  const std::size_t name_end = stat.rfind(')');  // The name before it may hold anything.
  return name_end == std::string::npos || name_end + 2 >= stat.size() ? '?' : stat[name_end + 2];
}

std::string describe_call(long number) {
  const std::string text = "system call " + std::to_string(number);
  for (const SystemCall& call : waiting_calls) {
    if (call.number == number) return text + " (" + std::string(call.name) + ")";
  }
  return text;
}

/// For people; where in the kernel, too, if it tells.
std::string whereabouts(ThreadId thread) {
  const std::string call = told(thread, "syscall");
  long number = -1;
  std::from_chars(call.data(), call.data() + call.size(), number);
  std::string where = number >= 0 ? describe_call(number) : "the system, but in no system call";
  const std::string channel = told(thread, "wchan");
  if (!channel.empty() && channel != "0") where += ", at " + channel;
  return where;
}

}  // namespace

ThreadId this_thread() noexcept { return ::syscall(SYS_gettid); }

ThreadActivity activity_of(ThreadId thread) {
  switch (state_of(thread)) {
    case 'R': return {ThreadActivity::Kind::computes};
    case 'S':
    case 'D': return {ThreadActivity::Kind::blocked, whereabouts(thread)};
    case 'T':
    case 't': return {ThreadActivity::Kind::stopped};
    default: return {};
  }
}

}  // namespace deimos::testkit

#else

namespace deimos::testkit {

ThreadId this_thread() noexcept { return 0; }
ThreadActivity activity_of(ThreadId) { return {}; }

}  // namespace deimos::testkit

#endif
