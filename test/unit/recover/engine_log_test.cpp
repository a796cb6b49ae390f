// The log an engine keeps of a container is emptied under whoever writes it, and nothing else is.
#include "recover/engine_log.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "runtime/files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;

const std::string kId(64, 'a');
constexpr std::size_t kMb = 1U << 20U;
constexpr std::size_t kLine = 1024;

class EngineLogFile : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(log_.file.parent_path());
    std::ofstream log(log_.file);
    for (std::size_t i = 0; i < 4 * kMb / kLine; ++i) log << std::string(kLine - 1, 'x') << '\n';
    log << "the last words\n";
  }
  test::TempDir dir_;
  EngineLog log_{dir_ / "containers" / kId / (kId + "-json.log"), kId};
  fs::path kept_ = dir_ / "engine-log-end";
};

TEST_F(EngineLogFile, IsEmptiedUnderItsWriter) {
  // Goal: A6: its end is kept, and the engine, which has it open, goes on in the same file (D8).
  std::ofstream engine(log_.file, std::ios::app);
  EXPECT_GE(engine_log_bytes(log_), 4 * kMb);
  const auto freed = empty_engine_log(log_, kept_);
  ASSERT_TRUE(freed.has_value()) << freed.error().message();
  EXPECT_GE(*freed, 4 * kMb);
  const auto end = runtime::read_file(kept_, kMb);
  ASSERT_TRUE(end.has_value());
  EXPECT_LE(end->size(), kEngineLogKept);
  EXPECT_GT(end->size(), kEngineLogKept - 2 * kLine) << "whole lines";
  EXPECT_TRUE(end->ends_with("the last words\n"));
  engine << "a new line\n" << std::flush;
  EXPECT_EQ(runtime::read_file(log_.file, kMb).value_or(""), "a new line\n");
}

TEST_F(EngineLogFile, WhatIsNoneIsLeftAlone) {
  // Goal: X8: another container's, a link, no whole id, no place to keep its end: nothing changes.
  const auto untouched = [&](const EngineLog& log, const fs::path& kept) {
    EXPECT_FALSE(empty_engine_log(log, kept).has_value());
    EXPECT_GE(fs::file_size(log_.file), 4 * kMb);
  };
  untouched({log_.file, std::string(64, 'b')}, kept_);
  untouched({log_.file, ""}, kept_);
  untouched({log_.file, "aaaa"}, kept_);
  untouched({}, kept_);
  untouched(log_, dir_ / "no such directory" / "end");
  const auto link = log_.file.parent_path() / "link.log";
  fs::create_symlink(log_.file, link);
  untouched({link, kId}, kept_);
  untouched({log_.file.parent_path(), kId}, kept_);
  EXPECT_EQ(engine_log_bytes({link, kId}), 0U);
}

}  // namespace
}  // namespace pgkeel::recover
