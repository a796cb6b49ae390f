// pidfd_open and pidfd_send_signal (Linux 5.3). Raw system calls because glibc 2.36 declares its
// own wrappers without C linkage, so that C++ cannot link them.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/fd.hpp"

namespace pgkeel::runtime::detail {

/// Invalid on failure, with errno set.
inline Fd open_pidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

/// False on failure, with errno set.
inline bool signal_pidfd(int pidfd, int number) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0;
}

}  // namespace pgkeel::runtime::detail
