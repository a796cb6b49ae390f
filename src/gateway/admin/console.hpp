// One session with the admin console: what is typed is parsed, done or shown, and answered in the
// simple protocol, which is what psql and the exporters speak. Pure: what is shown and done is
// asked of a ConsoleHost. It guarantees: bounded; whatever is said is answered, an extended
// protocol's batch with one error and its ReadyForQuery.
#pragma once

#include "gateway/admin/answers.hpp"
#include "pg/wire/message_reader.hpp"

namespace pgkeel::gateway::admin {

/// Who knows what is to be shown, and can do what is asked.
class ConsoleHost {
 public:
  /// What the topic shows; valid until the next call.
  [[nodiscard]] virtual Snapshots show(Topic topic) = 0;
  /// Does it, or says why not. Everything but Show.
  [[nodiscard]] virtual Result<void> act(const Command& command) = 0;

 protected:
  ~ConsoleHost() = default;
};

class Console {
 public:
  /// Of a command: the longest has two words.
  static constexpr std::size_t kCommandBytesMost = 4096;

  explicit Console(ConsoleHost& host)
      : host_(host), reader_(pg::wire::Sender::Frontend, kCommandBytesMost) {}

  enum class Step : std::uint8_t { Done, Left };
  /// What was said; the answers are appended. Malformed.
  [[nodiscard]] Result<Step> take(ByteSpan bytes, ByteBuffer& out);

 private:
  void answer(std::string_view text, ByteBuffer& out);
  void ready(ByteBuffer& out);

  ConsoleHost& host_;
  pg::wire::MessageReader reader_;
  bool skipping_ = false;  ///< an extended batch, until its Sync
};

}  // namespace pgkeel::gateway::admin
