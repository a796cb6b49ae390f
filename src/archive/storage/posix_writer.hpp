// One object on its way into a directory store: a file under ".tmp/" of the same file system, given
// its name only when all of it is on disk. Private to the directory store.
// It guarantees that a crash at any moment leaves either the whole object or a temporary file; the
// file is locked as long as its writer lives, so that nobody collects it meanwhile.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/storage/directory.hpp"
#include "archive/storage/store.hpp"

namespace pgkeel::archive {

inline constexpr const char* kTemporaryDirectory = ".tmp";

class PosixWriter final : public ObjectWriter {
 public:
  /// `directory` outlives the writer. DiskFull, Permission, Io.
  static Result<std::unique_ptr<ObjectWriter>> create(Directory& directory, const std::string& key,
                                                      Replace replace);
  ~PosixWriter() override;

  Result<void> write(ByteSpan bytes) override;
  Result<void> commit() override;

 private:
  PosixWriter(Directory& directory, std::string key, Replace replace)
      : directory_(directory), key_(std::move(key)), replace_(replace) {}
  Result<void> open_temporary();
  Result<void> flush();
  Result<void> write_out(ByteSpan bytes);
  Result<void> move_into_place();
  [[nodiscard]] int rename_to(int target_directory, const std::string& name) const;
  [[nodiscard]] std::unexpected<Error> failed(int err, std::string_view verb) const;

  Directory& directory_;
  const std::string key_;
  const Replace replace_;
  runtime::Fd temporary_directory_;
  std::string temporary_;  ///< name in it; empty: nothing to clean up
  runtime::Fd file_;
  std::vector<std::byte> buffer_;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t pushed_bytes_ = 0;  ///< the kernel has been told to write these out
};

}  // namespace pgkeel::archive
