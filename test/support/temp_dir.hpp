// A directory that belongs to one test: /tmp/pgkeel-test-XXXXXX, gone when the object is.
// PGKEEL_TEST_TMP names another parent (a tmpfs makes clusters four times as fast). The path stays
// short because PostgreSQL's sockets live in it (107 characters at most).
#pragma once

#include <filesystem>

namespace pgkeel::test {

class TempDir {
 public:
  /// Throws std::runtime_error when it cannot be made.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace pgkeel::test
