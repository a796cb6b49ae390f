// Files recorded from real servers, test/data/pg/MAJOR/ (tools/record-pg-data makes them).
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace pgkeel::test {

inline constexpr int kRecordedMajors[] = {13, 14, 15, 16, 17, 18};

inline std::string recorded(int major, const std::string& name) {
  const auto path = "test/data/pg/" + std::to_string(major) + "/" + name;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path + " (run from the repository's root)");
  return {std::istreambuf_iterator<char>(file), {}};
}

inline ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace pgkeel::test
