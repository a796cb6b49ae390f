// Asks the server itself what a user must prove, as the guard's own role, which may read pg_authid.
// A session of its own stays open between questions; they are asked one after the other.
#pragma once

#include <optional>
#include <string>

#include "app/psql_target.hpp"
#include "client/connection.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

class VerifierAsker {
 public:
  explicit VerifierAsker(runtime::Loop& loop) : loop_(loop), free_(loop) {}

  /// As pg_authid has it; nothing: there is no such user, or it may not log in now. Fails where the
  /// server cannot be asked, within seconds.
  runtime::Task<Result<std::optional<std::string>>> ask(ServerTarget target, std::string user);

 private:
  using Stored = Result<std::optional<std::string>>;
  runtime::Task<Stored> ask_once(const ServerTarget* target, const std::string* user);

  runtime::Loop& loop_;
  runtime::Event free_;
  bool asking_ = false;
  std::optional<client::Connection> session_;
};

}  // namespace pgkeel::app
