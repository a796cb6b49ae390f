// A file system of the test's own that can be taken away and made read-only: real mounts, in a
// mount namespace that ends with the test.
#pragma once

#include <filesystem>
#include <string>

namespace pgkeel::chaos {

/// Puts this process into a mount namespace of its own; false when that may not be done.
[[nodiscard]] bool own_mounts();

/// A tmpfs that stays mounted at one place and is bound to another, where it can come and go.
class Volume {
 public:
  /// `size` as mount takes it, such as "512m"; empty: as much as the machine allows.
  explicit Volume(const std::filesystem::path& dir, const std::string& size = {});
  ~Volume();
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  [[nodiscard]] bool attach() const;
  void detach() const;
  /// As whoever pays for a larger disk does.
  [[nodiscard]] bool grow(const std::string& size) const;
  /// The whole file system; refused by the kernel while a file of it is open for writing.
  [[nodiscard]] bool make_read_only() const;
  [[nodiscard]] bool make_writable() const;
  [[nodiscard]] const std::filesystem::path& place() const { return place_; }

 private:
  std::filesystem::path kept_;
  std::filesystem::path place_;
  bool mounted_ = false;
};

}  // namespace pgkeel::chaos
