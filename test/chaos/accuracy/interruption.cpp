// See interruption.hpp.
#include "chaos/accuracy/interruption.hpp"

#include <atomic>
#include <csignal>

namespace pgkeel::chaos {
namespace {

std::atomic<bool> told_to_stop{false};

void note(int) { told_to_stop = true; }

}  // namespace

void take_interruptions() {
  std::signal(SIGINT, note);
  std::signal(SIGTERM, note);
}

bool interrupted() { return told_to_stop; }

}  // namespace pgkeel::chaos
