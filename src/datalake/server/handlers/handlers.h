#pragma once

#include "datalake/base/result.h"
#include "datalake/server/router.h"
#include "datalake/server/service.h"

namespace datalake::server {

/// One function a resource, each in the file of its name. They add their routes to `router`;
/// `service` must outlive it. Errors: those of Router::Add.
Status AddHealthRoutes(Router& router, Service& service);
Status AddIngestRoutes(Router& router, Service& service);
Status AddRecordRoutes(Router& router, Service& service);
Status AddSubmissionRoutes(Router& router, Service& service);
Status AddFeedRoutes(Router& router, Service& service);
Status AddFeedRecordRoutes(Router& router, Service& service);
Status AddSnapshotRoutes(Router& router, Service& service);
Status AddCopyRoutes(Router& router, Service& service);
Status AddWithdrawalRoutes(Router& router, Service& service);
Status AddStatsRoutes(Router& router, Service& service);
Status AddSqlRoutes(Router& router, Service& service);
Status AddProcessRoutes(Router& router, Service& service);
Status AddJobRoutes(Router& router, Service& service);
Status AddUploadRoutes(Router& router, Service& service);
Status AddTokenRoutes(Router& router, Service& service);
Status AddEventRoutes(Router& router, Service& service);
Status AddMetricsRoutes(Router& router, Service& service);
Status AddValidateAssetsRoutes(Router& router, Service& service);

/// /openapi.json and /docs: they describe the routes that were added before them.
Status AddDocumentationRoutes(Router& router, Service& service);

}  // namespace datalake::server
