// Programs with a stream of any length, from them and to them.
#include "runtime/piped_process.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace pgkeel::runtime {
namespace {

using Stream = PipedProcess::Stream;
using Taken = PipedProcess::Taken;

constexpr Millis kPatience{30'000};

ProcessSpec shell(const std::string& script) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", script};
  return spec;
}

TEST(PipedProcess, ReadsMoreThanAPipeHoldsAndThenTellsTheEnd) {
  // Goal: every byte comes, the exit code and the words on stderr are apart from them.
  auto process = PipedProcess::start(shell("head -c 5000000 /dev/zero; echo sorry >&2; exit 3"),
                                     Stream::FromProgram, {});
  ASSERT_TRUE(process) << process.error().message();
  std::vector<std::byte> block(100'000);
  std::size_t bytes = 0;
  while (true) {
    const auto count = process->read(block, kPatience);
    ASSERT_TRUE(count) << count.error().message();
    if (*count == 0) break;
    bytes += *count;
  }
  EXPECT_EQ(bytes, 5'000'000U);
  const auto output = process->finish(kPatience);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->exit.code, 3);
  EXPECT_EQ(output->err, "sorry\n");
}

TEST(PipedProcess, WritesWhileTheProgramTalks) {
  // Goal: a program that answers while it reads neither blocks us nor loses a byte.
  auto process = PipedProcess::start(shell("tee /dev/stderr"), Stream::ToProgram, {});
  ASSERT_TRUE(process);
  const std::vector<std::byte> block(1'000'000, std::byte{'x'});
  for (int i = 0; i < 3; ++i) {
    const auto taken = process->write(block, kPatience);
    ASSERT_TRUE(taken) << taken.error().message();
    EXPECT_EQ(*taken, Taken::All);
  }
  const auto output = process->finish(kPatience);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_TRUE(output->exit.ok());
  EXPECT_EQ(output->out.size(), 3'000'000U);
  EXPECT_EQ(output->err.size(), 3'000'000U);
}

TEST(PipedProcess, OneThatStopsReadingIsAnAnswerAndAStopEndsTheWait) {
  // Goal: no SIGPIPE; a stop and a limit are errors, and the program is gone with the object.
  auto deaf = PipedProcess::start(shell("exec <&-; exit 0"), Stream::ToProgram, {});
  ASSERT_TRUE(deaf);
  const std::vector<std::byte> block(1'000'000);
  auto taken = deaf->write(block, kPatience);
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(*taken, Taken::Refused);
  std::stop_source stop;
  auto silent = PipedProcess::start(shell("sleep 600"), Stream::FromProgram, stop.get_token());
  ASSERT_TRUE(silent);
  std::vector<std::byte> into(10);
  EXPECT_EQ(silent->read(into, Millis(1)).error().code, ErrorCode::TimedOut);
  stop.request_stop();
  EXPECT_EQ(silent->read(into, kPatience).error().code, ErrorCode::Cancelled);
  ProcessSpec absent;
  absent.argv = {"/no/such"};
  EXPECT_EQ(PipedProcess::start(absent, Stream::FromProgram, {}).error().code,
            ErrorCode::MissingBinary);
}

}  // namespace
}  // namespace pgkeel::runtime
