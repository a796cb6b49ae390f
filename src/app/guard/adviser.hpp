// Looks around the server now and then for what is not broken yet: how its container is made, who
// prunes volumes on this host, what systemd would do to it, which probes fail by design, whether
// its libc was changed. Shown in status and logged once.
#pragma once

#include <filesystem>
#include <vector>

#include "diagnose/warning.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

/// Where a server's own certificate is looked for; copied, so that the pool reads nothing the loop
/// may change.
struct CertificatePlace {
  std::filesystem::path config_file;
  std::filesystem::path data_dir;
  bool inside = false;  ///< its paths are those inside a container
};
[[nodiscard]] CertificatePlace certificate_place(const instance::Instance& instance);
/// Of a server whose configuration can be read here and that shows one; blocks.
[[nodiscard]] std::vector<diagnose::Warning> look_at_certificate(const CertificatePlace& place);

class Adviser {
 public:
  Adviser(runtime::Loop& loop, instance::Instance& instance, sense::Senses& senses,
          const diagnose::Known& known)
      : loop_(loop), instance_(instance), senses_(senses), known_(known) {}

  /// Runs for as long as the loop.
  runtime::Task<void> run();
  [[nodiscard]] const std::vector<diagnose::Warning>& warnings() const { return warnings_; }

 private:
  runtime::Task<CertificatePlace> find_certificate_place();
  runtime::Task<std::vector<diagnose::Warning>> look();
  void take(std::vector<diagnose::Warning> warnings);

  runtime::Loop& loop_;
  instance::Instance& instance_;
  sense::Senses& senses_;
  const diagnose::Known& known_;
  std::vector<diagnose::Warning> warnings_;
};

}  // namespace pgkeel::app
