// The WAL server's door for a server in a container, whose image holds a shell and nothing of ours:
// restore_command is a script that writes the name it wants into one pipe and reads the answer from
// another. The answer bears the name, so that one meant for a request that was given up is passed
// over.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "runtime/account.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::archive {

class WalPipe {
 public:
  /// `directory`: for pipes and script; the WAL server's own. `socket`: where it answers.
  static Result<std::unique_ptr<WalPipe>> start(const std::filesystem::path& directory,
                                                const std::filesystem::path& socket,
                                                const std::optional<runtime::Account>& owner);
  ~WalPipe();
  WalPipe(const WalPipe&) = delete;
  WalPipe& operator=(const WalPipe&) = delete;

  [[nodiscard]] std::string restore_command() const;

 private:
  WalPipe(std::filesystem::path directory, std::filesystem::path socket)
      : directory_(std::move(directory)), socket_(std::move(socket)) {}
  Result<void> set_up(const std::optional<runtime::Account>& owner);
  void serve(const std::stop_token& stop);
  void answer(const std::string& name);

  std::filesystem::path directory_;
  std::filesystem::path socket_;
  runtime::Fd asked_;
  runtime::Fd answers_;
  runtime::Fd wake_;
  std::jthread thread_;
};

}  // namespace pgkeel::archive
