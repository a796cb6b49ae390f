// See transfer.hpp.
#include "archive/undrop/transfer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stop_token>

#include <fmt/format.h>

#include "archive/undrop/parts.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "runtime/when_all.hpp"

namespace pgkeel::archive {
namespace {

using runtime::Fd;
using runtime::Loop;

// Who reads from a pipe that the other end of has gone did nothing wrong.
bool lost_its_reader(const Error& error) {
  const auto words = error.message();
  return words.contains("Broken pipe") || words.contains("SIGPIPE") ||
         words.contains("exit code 141");  // the same, of a shell in a container
}

class Run {
 public:
  explicit Run(const Transfer& work)
      : work_(work), on_stop_(work.to.stop, [this] { over_.request_stop(); }) {}
  std::expected<PsqlOutput, TransferFailure> run();

 private:
  // What the writing session reads its script from: a pipe that ends when we do.
  Result<void> open_script();
  Result<void> tell_writer(const std::string& line) const;
  // As whom the writing psql runs: in a container both run as the account it was made for.
  [[nodiscard]] const std::optional<runtime::Account>& writing_account() const {
    return work_.to.programs.via.empty() ? work_.to.account : work_.from.account;
  }
  Result<std::filesystem::path> write_script(const std::optional<runtime::Account>& reader,
                                             const char* name, const std::string& text) const;
  Result<runtime::ProcessSpec> reader() const;
  Result<runtime::ProcessSpec> writer();
  runtime::Task<void> read(Loop* loop, runtime::ProcessSpec spec);
  runtime::Task<void> write(Loop* loop, runtime::ProcessSpec spec);
  Result<void> end_writer(const PsqlOutput& read);
  TransferFailure failure() const;

  const Transfer& work_;
  std::stop_source over_;
  std::stop_callback<std::function<void()>> on_stop_;
  Fd script_;
  Result<void> read_ = {};
  Result<PsqlOutput> written_ = PsqlOutput{};
};

Result<void> Run::open_script() {
  const auto file = work_.work / "script";
  TRY_VOID(make_pipe_file(file, writing_account()));
  script_ = Fd(::open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!script_.valid()) return fail_errno(errno, "open " + file.string());
  return {};
}

Result<std::filesystem::path> Run::write_script(const std::optional<runtime::Account>& reader,
                                                const char* name, const std::string& text) const {
  auto file = work_.work / name;
  TRY_VOID(runtime::write_file_atomic(file, text, {.mode = 0600, .owner = reader}));
  return file;
}

// Shorter than what a pipe takes at once.
Result<void> Run::tell_writer(const std::string& line) const {
  const auto count = ::write(script_.get(), line.data(), line.size());
  if (count != static_cast<ssize_t>(line.size())) return fail_errno(errno, "write to a pipe");
  return {};
}

Result<runtime::ProcessSpec> Run::reader() const {
  TRY(script, write_script(work_.from.account, "reading.sql", work_.reading));
  return psql_program(work_.from, work_.from_database, script);
}

Result<runtime::ProcessSpec> Run::writer() {
  TRY_VOID(open_script());
  TRY(script, write_script(writing_account(), "writing.sql", work_.writing));
  TRY_VOID(tell_writer(fmt::format("\\i {}\n", psql_word(script))));
  return psql_program(work_.to, work_.to_database, work_.work / "script");
}

Result<void> Run::end_writer(const PsqlOutput& read) {
  TRY(ending, work_.verdict(read.out));
  TRY(script, write_script(writing_account(), "ending.sql", ending));
  return tell_writer(fmt::format("\\i {}\n\\q\n", psql_word(script)));
}

runtime::Task<void> Run::read(Loop* loop, runtime::ProcessSpec spec) {
  auto output = co_await runtime::run_process(*loop, std::move(spec), loop->after(kProgramPatience),
                                              over_.get_token());
  const auto said = outcome_of("psql", std::move(output));
  read_ = said ? end_writer(*said) : fail(said.error());
  if (read_) co_return;
  script_ = Fd();  // its script ends without a commit
  if (!lost_its_reader(read_.error())) over_.request_stop();
}

runtime::Task<void> Run::write(Loop* loop, runtime::ProcessSpec spec) {
  auto output = co_await runtime::run_process(*loop, std::move(spec), loop->after(kProgramPatience),
                                              over_.get_token());
  written_ = outcome_of("psql", std::move(output));
  script_ = Fd();  // not before: what lies in a pipe that nobody has open is gone
  over_.request_stop();
}

// Who was only told to stop, or lost the other, is not whose fault it was.
TransferFailure Run::failure() const {
  const bool own = !read_ && read_.error().code != ErrorCode::Cancelled &&
                   !(lost_its_reader(read_.error()) && !written_);
  if (own) return {TransferSide::Reading, read_.error()};
  if (!written_) return {TransferSide::Writing, written_.error()};
  return {TransferSide::Reading, read_.error()};
}

std::expected<PsqlOutput, TransferFailure> Run::run() {
  auto reading = reader();
  if (!reading) return std::unexpected(TransferFailure{TransferSide::Reading, reading.error()});
  auto writing = writer();
  if (!writing) return std::unexpected(TransferFailure{TransferSide::Writing, writing.error()});
  Loop loop;
  std::vector<runtime::Task<void>> both;
  both.push_back(write(&loop, std::move(*writing)));
  both.push_back(read(&loop, std::move(*reading)));
  loop.run_until_complete(runtime::when_all(std::move(both)));
  if (!read_ || !written_) return std::unexpected(failure());
  return std::move(*written_);
}

}  // namespace

Result<void> make_pipe_file(const std::filesystem::path& file,
                            const std::optional<runtime::Account>& owner) {
  std::error_code none_there;
  std::filesystem::remove(file, none_there);
  if (::mkfifo(file.c_str(), 0600) != 0) return fail_errno(errno, "make " + file.string());
  if (owner && ::geteuid() == 0 && ::lchown(file.c_str(), owner->uid, owner->gid) != 0)
    return fail_errno(errno, "give away " + file.string());
  return {};
}

std::expected<PsqlOutput, TransferFailure> transfer(const Transfer& work) {
  return Run(work).run();
}

}  // namespace pgkeel::archive
