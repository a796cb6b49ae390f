// Keeps the copy of the control file as new as the file: the server removes old WAL right after the
// checkpoint it writes there, and a copy of the checkpoint before would be of no use. So each write
// is noticed by the kernel's word and not by looking now and then.
#pragma once

#include "diagnose/known.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

class ControlKeeper {
 public:
  /// Both must outlive run().
  ControlKeeper(Services& services, const diagnose::Known& known)
      : services_(services), known_(known) {}

  /// Runs until stop is requested. Copies nothing of a standby or of a stranger.
  runtime::Task<void> run(std::stop_token stop);

 private:
  void copy();
  runtime::Task<void> follow(std::stop_token stop);

  Services& services_;
  const diagnose::Known& known_;
  std::string problem_;  ///< said once
};

}  // namespace pgkeel::recover
