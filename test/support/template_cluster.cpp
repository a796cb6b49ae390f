// See template_cluster.hpp. The template is made beside and renamed, so a test killed half-way
// leaves nothing that looks finished.
#include "support/template_cluster.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <stdexcept>
#include <string>

#include "support/child.hpp"

namespace pgkeel::test {
namespace {

class FileLocked {
 public:
  explicit FileLocked(const std::string& path)
      : fd_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0) throw std::runtime_error("lock " + path);
  }
  ~FileLocked() { ::close(fd_); }
  FileLocked(const FileLocked&) = delete;
  FileLocked& operator=(const FileLocked&) = delete;

 private:
  int fd_;
};

void make_template(const std::filesystem::path& bin_dir, const std::filesystem::path& path) {
  const std::filesystem::path partial = path.string() + ".partial";
  std::filesystem::remove_all(partial);
  init_fresh_cluster(bin_dir, partial);
  std::filesystem::rename(partial, path);
  std::filesystem::remove(partial.string() + ".initdb.log");
}

}  // namespace

void init_fresh_cluster(const std::filesystem::path& bin_dir,
                        const std::filesystem::path& data_dir) {
  std::filesystem::create_directory(data_dir);
  std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all);
  give_to_server(data_dir);
  run_child({(bin_dir / "initdb").string(), "-D", data_dir.string(), "-N", "--no-locale", "-E",
             "UTF8", "-A", "trust", "-U", "postgres"},
            data_dir.string() + ".initdb.log");
}

void copy_cluster(const std::filesystem::path& from, const std::filesystem::path& to) {
  const std::string log = to.string() + ".copy.log";
  run_child({"/bin/cp", "-a", "--reflink=auto", from.string(), to.string()}, log);
  std::filesystem::remove(log);
}

void copy_template_cluster(const std::filesystem::path& bin_dir, int major,
                           const std::filesystem::path& data_dir) {
  const std::string path =
      "/tmp/pgkeel-template-" + std::to_string(::getuid()) + "-" + std::to_string(major);
  {
    const FileLocked lock(path + ".lock");
    if (!std::filesystem::exists(path)) make_template(bin_dir, path);
  }
  copy_cluster(path, data_dir);
}

}  // namespace pgkeel::test
