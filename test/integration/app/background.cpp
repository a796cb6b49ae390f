// See background.hpp.
#include "integration/app/background.hpp"

#include <csignal>
#include <stdexcept>

#include "support/wait.hpp"

namespace pgkeel::test {

Background::Background(const Binary& binary, std::vector<std::string> args) {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  spec.working_dir = binary.dir();
  spec.output_file = binary.dir() / "background.log";
  auto started = runtime::start_process(spec);
  if (!started) throw std::runtime_error(started.error().message());
  process_.emplace(*std::move(started));
}

void Background::kill() {
  static_cast<void>(process_->signal(SIGKILL));
  const auto ended = loop_.run_until_complete(process_->wait_exit(loop_, loop_.after(kPatience)));
  if (!ended) throw std::runtime_error(ended.error().message());
  process_.reset();
}

runtime::ExitStatus Background::await_end() {
  const auto ended = loop_.run_until_complete(process_->wait_exit(loop_, loop_.after(kPatience)));
  if (!ended || !*ended) throw std::runtime_error("it does not end");
  process_.reset();
  return **ended;
}

Background::~Background() {
  if (!process_) return;
  static_cast<void>(process_->signal(SIGTERM));
  const auto ended = loop_.run_until_complete(process_->wait_exit(loop_, loop_.after(kPatience)));
  if (!ended) static_cast<void>(process_->signal(SIGKILL));
}

}  // namespace pgkeel::test
