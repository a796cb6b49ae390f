// A program with one stream of bytes of any length, from it or to it, moved as the caller reads or
// writes: memory does not grow with the stream. Blocking, for jobs that run in processes of their
// own (ADR 0002).
// It guarantees: the end of the stream says nothing; only finish() tells how the program ended. A
// program that stops reading is an answer, not a signal. Destroyed, it takes its process group with
// it.
#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "base/bytes.hpp"
#include "runtime/process.hpp"

namespace pgkeel::runtime {

class PipedProcess {
 public:
  enum class Stream { FromProgram, ToProgram };
  enum class Taken { All, Refused };  ///< Refused: the program reads no more

  /// MissingBinary, Spawn. `spec.input` and `spec.output_file` are not used.
  static Result<PipedProcess> start(const ProcessSpec& spec, Stream stream, std::stop_token stop);
  PipedProcess(PipedProcess&& other) noexcept;
  PipedProcess& operator=(PipedProcess&&) = delete;
  ~PipedProcess();

  /// FromProgram: what it wrote; 0 at the end of it. Cancelled; TimedOut when nothing came in time.
  Result<std::size_t> read(std::span<std::byte> into, Millis limit);
  /// ToProgram. Cancelled; TimedOut when it took nothing in time.
  Result<Taken> write(ByteSpan bytes, Millis limit);
  /// Closes the stream and waits for the exit. `out` is what it wrote when bytes went to it, `err`
  /// its words; both are cut at kPipedWordsMax.
  Result<ProcessOutput> finish(Millis limit);

 private:
  PipedProcess(pid_t pid, Fd pidfd, Fd stream, Fd out, Fd err, std::stop_token stop);
  Result<void> await(short stream_events, SteadyTime until);
  static void drain(Fd& fd, std::string& text);

  pid_t pid_;
  Fd pidfd_;
  Fd stream_;
  Fd out_;  ///< ToProgram only
  Fd err_;
  std::stop_token stop_;
  ProcessOutput output_;
};

/// A list of a hundred thousand objects; messages beyond say nothing new.
inline constexpr std::size_t kPipedWordsMax = 32U << 20U;

}  // namespace pgkeel::runtime
