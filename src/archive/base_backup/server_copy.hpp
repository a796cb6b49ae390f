// The conversation of one BASE_BACKUP: the command, its copies in either form, its two positions.
// What comes is handed to a receiver, archive by archive; the forms of the majors end here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/base_backup/command.hpp"
#include "archive/catalog/backup.hpp"
#include "client/replication.hpp"

namespace pgkeel::archive {

class CopyReceiver {
 public:
  CopyReceiver() = default;
  virtual ~CopyReceiver() = default;
  CopyReceiver(const CopyReceiver&) = delete;
  CopyReceiver& operator=(const CopyReceiver&) = delete;

  /// Before everything else: what the server estimates.
  virtual void copy_begins(std::uint64_t bytes_total) = 0;
  /// The tar of "data" or "tablespace-OID" follows. Ends what came before, as do the next two.
  virtual Result<void> archive_begins(const std::string& part) = 0;
  virtual Result<void> manifest_begins() = 0;
  virtual Result<void> content(ByteSpan bytes) = 0;
  virtual Result<void> copy_ends() = 0;
};

/// What the server says of the backup around its content.
struct CopyFrame {
  TimelineId timeline;
  Lsn start_lsn;
  Lsn stop_lsn;
  std::vector<Tablespace> tablespaces;
};

/// Failed when the timeline changed meanwhile; otherwise the session's and the receiver's errors.
[[nodiscard]] Result<CopyFrame> copy_from_server(client::ReplicationSession& session,
                                                 const BackupCommand& command,
                                                 CopyReceiver& receiver);

}  // namespace pgkeel::archive
