// What the gateway knows of one client once it has logged in: where its messages begin and end, and
// in pools that share servers, what its prepared statements are called where it is attached. Pure:
// bytes in, bytes for the server out, and what the server will owe for them.
// It guarantees: what it says to the server is what the client said, but for the names of prepared
// statements; nothing is taken from the client that no server is there for.
#pragma once

#include <optional>

#include "gateway/session/server_session.hpp"
#include "gateway/session/session_state.hpp"
#include "gateway/session/settings.hpp"
#include "gateway/sql/session_effects.hpp"
#include "pg/wire/names.hpp"

namespace pgkeel::gateway {

/// How long a client keeps a server.
enum class Sharing : std::uint8_t {
  Session,      ///< until it leaves: its statements keep their names
  Transaction,  ///< until its transaction is over
};

class ClientSession {
 public:
  /// Of a statement that is prepared by name, or a message that carries one: beyond, the client is
  /// told and its connection ends. What is not rewritten has no such limit.
  static constexpr std::size_t kHeldMost = 1U << 20U;
  /// Of an unnamed statement that is kept to be prepared again elsewhere; for longer ones the
  /// client keeps its server until it prepares another.
  static constexpr std::size_t kUnnamedMost = 16U << 10U;

  ClientSession(Sharing sharing, StatementStore& store) : sharing_(sharing), store_(store) {}

  /// Of what is prepared anew for a client in one go: then the server answers first.
  static constexpr std::size_t kInjectedMost = 4U << 20U;

  enum class Step : std::uint8_t {
    Done,         ///< the chunk is used up
    NeedsServer,  ///< what the chunk goes on with needs one; nothing of it was taken
    Full,         ///< the server owes too much already; nothing of the rest was taken
    Left,         ///< Terminate
  };
  /// Takes from the front of `chunk` what the client said. `server` is the one attached, nullptr
  /// for none, and `to_server` where its bytes go; `to_client` gets answers of ours. Malformed: no
  /// protocol, after which the stream has no borders; Refused: a bound was passed.
  [[nodiscard]] Result<Step> take(ByteSpan& chunk, ServerSession* server, Outlet& to_server,
                                  Outlet& to_client);

  /// Drops from the front of `held`, which take() has left for want of a server, what is answered
  /// by one ReadyForQuery: a Query, or requests up to their Sync. False: not all of it has come.
  [[nodiscard]] bool drop_request(ByteBuffer& held);

  /// Whether the client has to keep its server although no transaction is open.
  [[nodiscard]] bool keeps_server() const {
    return sharing_ == Sharing::Session || !cursor_.between_messages() || unnamed_too_long_ ||
           state_.tied();
  }
  /// Whether it keeps its server for nothing but settings that may be read and carried.
  [[nodiscard]] bool settings_unread() const {
    return sharing_ == Sharing::Transaction && cursor_.between_messages() && !unnamed_too_long_ &&
           state_.settings_unread();
  }
  /// What it has set, as it was read last: what any server it comes to has to have.
  [[nodiscard]] const SettingsSet& settings() const { return settings_; }
  void set_settings(SettingsSet settings) { settings_ = std::move(settings); }
  /// What it has in its server's session besides statements; nothing is read of it where the client
  /// keeps its server anyway.
  [[nodiscard]] SessionState& state() { return state_; }
  /// Whether a message has begun and not ended: what went of it to a server cannot be taken back.
  [[nodiscard]] bool mid_message() const { return !cursor_.between_messages(); }
  [[nodiscard]] ClientStatements* statements() { return statements_.get(); }
  void unprepared(const std::string& name, const StatementRef& statement);
  /// It has deallocated all by SQL; what it prepares behind that is still owed.
  void all_deallocated(const Exchange& exchange);
  void unclosed(const std::string& name, StatementRef statement);
  /// Bytes kept for it, its statements left out.
  [[nodiscard]] std::size_t bytes_held() const { return held_.capacity() + unnamed_.capacity(); }

 private:
  struct Way;  // what a message is taken with
  enum class Message : std::uint8_t { Forwarded, Ignored, Held };

  [[nodiscard]] static bool needs_server(char type);
  [[nodiscard]] Result<void> begin(const pg::wire::FramePiece& piece, const Way& way);
  [[nodiscard]] Result<void> go_on(const pg::wire::FramePiece& piece, const Way& way);
  void forward(const pg::wire::FramePiece& piece, const Way& way);
  void read(const pg::wire::FramePiece& piece, std::string_view text);
  [[nodiscard]] Result<void> hold(const pg::wire::FramePiece& piece, const Way& way);
  [[nodiscard]] Result<bool> rewrite_front(pg::wire::FrameHeader header, ByteSpan front,
                                           const Way& way);
  [[nodiscard]] Result<void> rewrite(pg::wire::FrameHeader header, ByteSpan body, const Way& way);
  [[nodiscard]] Result<void> parse(ByteSpan body, const Way& way);
  void parse_unnamed(ByteSpan text_and_types, const Way& way);
  void unnamed_gone(const Way& way);
  [[nodiscard]] Result<void> parse_named(std::string_view name, ByteSpan text_and_types,
                                         const Way& way);
  [[nodiscard]] Result<bool> bind_front(pg::wire::FrameHeader header, ByteSpan front,
                                        const Way& way);
  [[nodiscard]] bool parse_front(pg::wire::FrameHeader header, ByteSpan front, const Way& way);
  [[nodiscard]] Result<void> describe(ByteSpan body, const Way& way);
  [[nodiscard]] bool may_deallocate(pg::wire::FrameHeader header, const Way& way) const;
  [[nodiscard]] std::optional<std::string> own_deallocated(std::string_view sql,
                                                           const sql::Reading& reading) const;
  [[nodiscard]] std::string path() const;
  void query(pg::wire::FrameHeader header, ByteSpan body, const Way& way);
  void deallocate(const std::string& name, const Way& way);
  [[nodiscard]] StatementRef deallocate_unnamed(const Way& way);
  [[nodiscard]] Result<void> close(ByteSpan body, const Way& way);
  [[nodiscard]] std::string name_on_server(std::string_view name, const Way& way);
  void prepare(const StatementRef& statement, Answer answer, std::string name, const Way& way);
  void prepare_unnamed(const Way& way);
  void make_room(const Way& way);
  ClientStatements& own_statements();

  Sharing sharing_;
  StatementStore& store_;
  pg::wire::FrameCursor cursor_{pg::wire::Sender::Frontend};
  Message message_ = Message::Forwarded;
  std::size_t injected_ = 0;  ///< bytes, since take() was called
  bool unnamed_too_long_ = false;
  SessionState state_;
  SettingsSet settings_;
  std::unique_ptr<sql::EffectsReader> reader_;  ///< of a text that has not all come
  sql::Reading unnamed_reading_;
  ByteBuffer held_;     ///< the body of a message that has not all come
  ByteBuffer unnamed_;  ///< text and types of the unnamed statement; empty: there is none
  std::string unnamed_deallocates_;  ///< this statement of the client's own
  std::uint64_t unnamed_number_ = 0;
  std::unique_ptr<ClientStatements> statements_;  ///< none until it prepares one by name
};

}  // namespace pgkeel::gateway
