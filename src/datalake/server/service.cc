#include "datalake/server/service.h"

#include "datalake/server/handlers/handlers.h"

namespace datalake::server {

Status AddRoutes(Router& router, Service& service) {
  DATALAKE_TRY(AddHealthRoutes(router, service));
  DATALAKE_TRY(AddIngestRoutes(router, service));
  DATALAKE_TRY(AddRecordRoutes(router, service));
  DATALAKE_TRY(AddSubmissionRoutes(router, service));
  DATALAKE_TRY(AddFeedRoutes(router, service));
  DATALAKE_TRY(AddFeedRecordRoutes(router, service));
  DATALAKE_TRY(AddSnapshotRoutes(router, service));
  DATALAKE_TRY(AddCopyRoutes(router, service));
  DATALAKE_TRY(AddWithdrawalRoutes(router, service));
  DATALAKE_TRY(AddStatsRoutes(router, service));
  DATALAKE_TRY(AddSqlRoutes(router, service));
  DATALAKE_TRY(AddProcessRoutes(router, service));
  DATALAKE_TRY(AddValidateAssetsRoutes(router, service));
  DATALAKE_TRY(AddJobRoutes(router, service));
  DATALAKE_TRY(AddUploadRoutes(router, service));
  DATALAKE_TRY(AddTokenRoutes(router, service));
  DATALAKE_TRY(AddEventRoutes(router, service));
  DATALAKE_TRY(AddMetricsRoutes(router, service));
  return AddDocumentationRoutes(router, service);
}

}  // namespace datalake::server
