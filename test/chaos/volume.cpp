// See volume.hpp.
#include "chaos/volume.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace pgkeel::chaos {

namespace fs = std::filesystem;

bool own_mounts() {
  return ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

Volume::Volume(const fs::path& dir, const std::string& size)
    : kept_(dir / "kept"), place_(dir / "place") {
  fs::create_directory(kept_);
  fs::create_directory(place_);
  fs::permissions(dir, fs::perms(0755));
  const auto options = "mode=0755" + (size.empty() ? "" : ",size=" + size);
  mounted_ = ::mount("tmpfs", kept_.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

Volume::~Volume() {
  detach();
  if (mounted_) ::umount2(kept_.c_str(), MNT_DETACH);
}

bool Volume::attach() const {
  return mounted_ && ::mount(kept_.c_str(), place_.c_str(), nullptr, MS_BIND, nullptr) == 0;
}

void Volume::detach() const { ::umount2(place_.c_str(), MNT_DETACH); }

bool Volume::grow(const std::string& size) const {
  return ::mount(nullptr, kept_.c_str(), nullptr, MS_REMOUNT, ("size=" + size).c_str()) == 0;
}

bool Volume::make_read_only() const {
  return ::mount(nullptr, kept_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
}

bool Volume::make_writable() const {
  return ::mount(nullptr, kept_.c_str(), nullptr, MS_REMOUNT, nullptr) == 0;
}

}  // namespace pgkeel::chaos
