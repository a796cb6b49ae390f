// See temp_dir.hpp.
#include "support/temp_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>

namespace pgkeel::test {

TempDir::TempDir() {
  const char* const chosen = std::getenv("PGKEEL_TEST_TMP");
  std::string name = std::string(chosen == nullptr ? "/tmp" : chosen) + "/pgkeel-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr)
    throw std::runtime_error(std::string("mkdtemp: ") + std::strerror(errno));
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace pgkeel::test
