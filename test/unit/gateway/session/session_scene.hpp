// A client and servers that are scripts: what each says is given in whole messages and cut as the
// test likes; what the gateway says to either is collected as text, "Q(select 1)".
#pragma once

#include <string>
#include <vector>

#include "gateway/session/client_session.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway::test {

using pg::wire::ByteBuffer;

/// Messages in short: "P(name,sql) B(portal,statement) D(S,name) C(S,name) E S H Q(sql) X c f(why)
/// d(bytes) F", and of a server "1 2 3 n s I Z(I) C(tag) T D(value) E(sqlstate) G H N(sqlstate)".
[[nodiscard]] ByteBuffer frontend(std::string_view script);
[[nodiscard]] ByteBuffer backend(std::string_view script);
/// The same back from bytes, for comparing.
[[nodiscard]] std::string as_frontend(ByteSpan bytes);
[[nodiscard]] std::string as_backend(ByteSpan bytes);

class Collected : public Outlet {
 public:
  void send(ByteSpan bytes) override { pg::wire::put_bytes(bytes_, bytes); }
  void send_copy(ByteSpan bytes) override { pg::wire::put_bytes(bytes_, bytes); }
  [[nodiscard]] ByteBuffer take() { return std::exchange(bytes_, {}); }

 private:
  ByteBuffer bytes_;
};

/// One client of a worker and the servers it is attached to, one after another.
class Scene : public ServerListener {
 public:
  explicit Scene(Sharing sharing, std::size_t cut = 1U << 20U) : cut_(cut), sharing_(sharing) {}

  /// The client says this while attached to `server`, behind what could not be taken before: what
  /// the server gets. Throws when the session refuses it.
  std::string says(std::string_view script, ServerSession* server);
  /// The server answers: what the client gets.
  std::string answers(ServerSession& server, std::string_view script);
  [[nodiscard]] ServerSession server(std::size_t statements = 100) {
    return ServerSession(statements);
  }
  ClientSession& client() { return client_; }
  StatementStore& store() { return store_; }
  /// What the client was told without a server's having said it.
  std::string told() { return as_backend(to_client_.take()); }
  ClientSession::Step step = ClientSession::Step::Done;
  ServerSession::Step server_step = ServerSession::Step::Done;
  std::vector<std::string> tags;

  void on_message(const pg::wire::Message& message, Answer whose) override;
  void on_failed() override {}
  void on_unprepared(const std::string& name, const StatementRef& statement) override {
    client_.unprepared(name, statement);
  }
  void on_unclosed(const std::string& name, const StatementRef& statement) override {
    client_.unclosed(name, statement);
  }

 private:
  std::size_t cut_;
  Sharing sharing_;
  StatementStore store_;
  ClientSession client_{sharing_, store_};
  ByteBuffer unsaid_;
  Collected to_server_;
  Collected to_client_;
};

}  // namespace pgkeel::gateway::test
