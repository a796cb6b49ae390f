// PostgreSQL's client programs out of an image: a container of ours in which pg_dump, psql and the
// others run, one after another or side by side, while this object lives. Each run has its own
// pipes in a directory that both sides see; on this side `pgkeel in-image` (relay.hpp) passes on
// what is in them, so that a program is started here as one of this machine's is.
// It guarantees: the container ends with the object, and with this process, even when that is
// killed; no password is in its words, its environment or a file.
// It refuses any network but the host's, and that only where it is asked for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/programs/place.hpp"
#include "archive/restore/own_container.hpp"
#include "archive/restore/server_run.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::archive {

struct ImageProgramsPlan {
  ServerImage image;
  std::filesystem::path work_dir;  ///< a directory of the account's, nobody else's; emptied
  std::optional<runtime::Account> account;
  /// The programs read and write these, at the same place as here; those that are files, and those
  /// of others, they only read.
  std::vector<std::filesystem::path> directories = {};
  std::vector<std::filesystem::path> read_only = {};
  enum class Network { None, OfHost } network = Network::None;
  std::filesystem::path relay;  ///< the pgkeel binary
};

class ImagePrograms {
 public:
  /// What OwnContainer says; TimedOut when it does not begin.
  static Result<std::unique_ptr<ImagePrograms>> start(ImageProgramsPlan plan);
  ~ImagePrograms();
  ImagePrograms(const ImagePrograms&) = delete;
  ImagePrograms& operator=(const ImagePrograms&) = delete;

  [[nodiscard]] ProgramPlace place() const;

 private:
  explicit ImagePrograms(ImageProgramsPlan plan);
  Result<void> end_earlier();
  Result<void> set_up();
  Result<void> await_begun();
  ImageProgramsPlan plan_;
  OwnContainer container_;
  runtime::Fd orders_;
};

}  // namespace pgkeel::archive
