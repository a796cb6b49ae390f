// The servers these tests run against: Debian's 15 and what tools/other-majors installed.
#pragma once

#include <gtest/gtest.h>
#include <filesystem>
#include <optional>
#include <string>

#include "support/postgres_server.hpp"

namespace pgkeel::test {

/// Where the server programs of a major are; nullopt when it is not installed.
[[nodiscard]] std::optional<std::filesystem::path> bin_dir_of(int major);

/// A test of every major; skipped, with the command that helps, where one is not installed.
class EveryMajor : public testing::TestWithParam<int> {
 protected:
  void SetUp() override;
  [[nodiscard]] PostgresOptions options() const;
};

[[nodiscard]] std::string major_name(const testing::TestParamInfo<int>& info);

/// The whole file as it is now, as root or its owner reads it.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

}  // namespace pgkeel::test

/// Runs a suite derived from EveryMajor for 13 to 18.
#define PGKEEL_FOR_EVERY_MAJOR(Suite) \
  INSTANTIATE_TEST_SUITE_P(Postgres, Suite, testing::Range(13, 19), pgkeel::test::major_name)
