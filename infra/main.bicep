// An installation of Dropzone, whole, in one deployment: nothing of it needs the code to be there first, and no key exists.
targetScope = 'subscription'

@description('Name of this installation, for example dev or prod; azd calls it the environment.')
@minLength(1)
@maxLength(20)
param environmentName string

@description('Azure region of everything. Flex Consumption must be offered there.')
param location string

@description('Resource group that is made for the installation.')
param resourceGroupName string = 'rg-dropzone-${environmentName}'

@description('First letters of every name: small letters and digits.')
@minLength(2)
@maxLength(7)
param namePrefix string = 'dz'

@description('Tags of every resource.')
param tags object = {}

// Who may do what

@description('Customers, each { name, uploaders: [{ id, type }], readers: [{ id, type }] }. Uploaders write the customer\'s drop container and read its receipts; readers read receipts and results. id is an object id in Entra, type is User, Group or ServicePrincipal. Names: 3 to 50 of a-z, 0-9 and single -.')
param customers array = []

@description('What uploaders may do in their drop container: contributor also lists, reads and deletes; writeOnly writes and nothing else.')
@allowed([
  'contributor'
  'writeOnly'
])
param uploaderAccess string = 'contributor'

@description('People and programs that run the dropzone command line, each { id, type } as above.')
param operators array = []

// Network

@description('public: storage is reached from anywhere with an Entra token. private: only through private endpoints, from allowedIpRanges, and by Event Grid.')
@allowed([
  'public'
  'private'
])
param networkMode string = 'public'

@description('With networkMode private: public IPv4 addresses or ranges (no /31 or /32 suffix) from which drop and lake are reached, for example those of customers and consumers.')
param allowedIpRanges array = []

@description('With networkMode private: public addresses, as above, from which operators reach all three accounts.')
param operatorIpRanges array = []

@description('With networkMode private: address space of the virtual network.')
param virtualNetworkPrefix string = '10.90.0.0/24'

@description('With networkMode private: the app\'s subnet, /27 or larger.')
param appSubnetPrefix string = '10.90.0.0/26'

@description('With networkMode private: the subnet of the private endpoints.')
param endpointSubnetPrefix string = '10.90.0.64/27'

// Storage and events

@description('Redundancy of the storage accounts.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param storageSku string = 'Standard_ZRS'

@description('Where results lie. own: in an account of their own, with directories, which Spark, Databricks, Synapse and Fabric read. lake: beside staged rows, as version 0.1.0 had them; those cannot read them there.')
@allowed([
  'own'
  'lake'
])
param resultsAccount string = 'own'

@description('Days for which deleted blobs and containers can be brought back; blobs of results cannot.')
@minValue(1)
@maxValue(365)
param undoDays int = 7

@description('Event Grid system topic that the drop account has already, for example one of Defender; its system-assigned identity must be on. Empty: one is made.')
param existingSystemTopicName string = ''

// The app

@description('Most instances of each function at once, all HTTP calls being one; each has 4,096 MB and works on one message, and on small uploads beside it. A region gives a subscription 125 such instances unless more was asked for: with 30 one installation fits, with 14 two.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 30

@description('Instances that are kept for HTTP calls, and paid for, though nobody calls; with 0 the first call after a rest waits until one has started.')
@minValue(0)
@maxValue(20)
param httpAlwaysReady int = 0

@description('What a change of code or settings does to running work. RollingUpdate, a preview of Azure: instances are replaced in turn, and work may end within an hour. Recreate: all are ended at once, and work begins anew.')
@allowed([
  'RollingUpdate'
  'Recreate'
])
param updateStrategy string = 'RollingUpdate'

@description('When every customer is sent for to be swept: to look for uploads that no event announced; NCRONTAB, UTC.')
param sweepSchedule string = '0 */10 * * * *'

@description('When due days are looked for; NCRONTAB, UTC.')
param dayTimerSchedule string = '0 */5 * * * *'

@description('When retention deletes; NCRONTAB, UTC.')
param housekeepingSchedule string = '0 30 9 * * *'

@description('Where days begin: PST (UTC-8 all year) or an IANA zone name. It cannot be changed once a stream exists.')
param dayZone string = 'PST'

@description('Seconds after it was written at which a marker takes effect.')
@minValue(0)
param settleSeconds int = 60

@description('Seconds that a stream\'s markers must be old before its first day is fixed.')
@minValue(0)
param firstDayWaitSeconds int = 3600

@description('Days back in which the first day is looked for.')
@minValue(1)
param firstDayWindowDays int = 28

@description('Seconds that an upload without an answer must be old before the sweep announces it.')
@minValue(0)
param sweepGraceSeconds int = 120

@description('Seconds that one attempt at an upload or a day may take: a file that needs longer is refused, a day fails.')
@minValue(60)
param attemptSeconds int = 1200

@description('How many small uploads an instance works on at once; 1: each alone.')
@minValue(1)
@maxValue(32)
param filesAtATime int = 8

@description('Bytes as uploaded that those may have together; a larger upload is worked on alone.')
@minValue(1)
param smallFileBytes int = 8388608

@description('Seconds between two comparisons of a published day with the rows in force.')
@minValue(0)
param compareSeconds int = 3600

@description('Seconds for which a process goes by a config, and by what it knows of streams, before it asks again.')
@minValue(0)
@maxValue(600)
param rememberSeconds int = 60

@description('Days between two listings of all that was ever written, which find what was lost or restored.')
@minValue(1)
param reconcileDays int = 7

@description('Seconds that a marker may be later than its habit before it counts as late.')
@minValue(0)
param markerMarginSeconds int = 3600

@description('Days after which answered uploads are deleted; older versions of them go with it.')
@minValue(1)
param keepUploadsDays int = 30

@description('Days after which rejected rows are deleted; older versions of receipts go with it.')
@minValue(1)
param keepRejectedDays int = 30

@description('Days after which receipts of uploads that are gone are deleted.')
@minValue(1)
param keepReceiptsDays int = 400

@description('Days after a published day for which its staged rows are kept.')
@minValue(1)
param keepStagedDays int = 60

@description('Days for which older versions of the Delta tables can be read.')
@minValue(1)
param keepDeltaDays int = 30

// HTTP

@description('Entra tenant whose operators may sign in over HTTP, by its id; empty: nobody may. With it, operatorAudience.')
param operatorTenantId string = ''

@description('Client id of the app registration that operators\' tokens are made for.')
param operatorAudience string = ''

@description('Value of the app role of that registration which makes an operator.')
param operatorRole string = 'Dropzone.Operator'

@description('Origins of sites whose pages may call over HTTP, with commas between them, for example https://example.com.')
param httpOrigins string = ''

// Looking after it

@description('Mail addresses that alerts go to.')
param alertEmails array = []

@description('Gigabytes of logs a day; what comes after is dropped until the next day, and an alert says so.')
@minValue(1)
param logCapGigabytes int = 5

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Minutes that the oldest upload may be without a receipt before an alert.')
@minValue(1)
param uploadLimitMinutes int = 60

@description('Minutes that the next message of a queue may be old before an alert.')
@minValue(1)
param messageLimitMinutes int = 30

@description('Hours that a marked day may wait before an alert.')
@minValue(1)
param dayLimitHours int = 6

@description('Hours that the rows of a stream may wait for its first marker before an alert.')
@minValue(1)
param unmarkedLimitHours int = 72

var suffix = uniqueString(subscription().id, resourceGroupName, environmentName)
var allTags = union(tags, { 'azd-env-name': environmentName })
var isPrivate = networkMode == 'private'
var hasOwnResults = resultsAccount == 'own'
var deadLetterContainer = 'dead-letters'
var packageContainer = 'app-package'

// Exactly what processing/settings.py and the doors read; a test compares the two.
var programSettings = {
  SWEEP_SCHEDULE: sweepSchedule
  DAY_TIMER_SCHEDULE: dayTimerSchedule
  HOUSEKEEPING_SCHEDULE: housekeepingSchedule
  DROPZONE_DAY_ZONE: dayZone
  DROPZONE_SETTLE_SECONDS: string(settleSeconds)
  DROPZONE_FIRST_DAY_WAIT_SECONDS: string(firstDayWaitSeconds)
  DROPZONE_FIRST_DAY_WINDOW_DAYS: string(firstDayWindowDays)
  DROPZONE_SWEEP_GRACE_SECONDS: string(sweepGraceSeconds)
  DROPZONE_ATTEMPT_SECONDS: string(attemptSeconds)
  DROPZONE_FILES_AT_A_TIME: string(filesAtATime)
  DROPZONE_SMALL_FILE_BYTES: string(smallFileBytes)
  DROPZONE_COMPARE_SECONDS: string(compareSeconds)
  DROPZONE_REMEMBER_SECONDS: string(rememberSeconds)
  DROPZONE_RECONCILE_DAYS: string(reconcileDays)
  DROPZONE_MARKER_MARGIN_SECONDS: string(markerMarginSeconds)
  DROPZONE_KEEP_UPLOADS_DAYS: string(keepUploadsDays)
  DROPZONE_KEEP_REJECTED_DAYS: string(keepRejectedDays)
  DROPZONE_KEEP_RECEIPTS_DAYS: string(keepReceiptsDays)
  DROPZONE_KEEP_STAGED_DAYS: string(keepStagedDays)
  DROPZONE_KEEP_DELTA_DAYS: string(keepDeltaDays)
  DROPZONE_OPERATOR_TENANT: operatorTenantId
  DROPZONE_OPERATOR_AUDIENCE: operatorAudience
  DROPZONE_OPERATOR_ROLE: operatorRole
  DROPZONE_HTTP_ORIGINS: httpOrigins
}

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: {
    name: '${namePrefix}-id-${suffix}'
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    workspaceName: '${namePrefix}-log-${suffix}'
    insightsName: '${namePrefix}-appi-${suffix}'
    location: location
    tags: allTags
    capGigabytes: logCapGigabytes
    retentionDays: logRetentionDays
    appPrincipalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (isPrivate) {
  scope: group
  name: 'network'
  params: {
    name: '${namePrefix}-net-${suffix}'
    location: location
    tags: allTags
    virtualNetworkPrefix: virtualNetworkPrefix
    appSubnetPrefix: appSubnetPrefix
    endpointSubnetPrefix: endpointSubnetPrefix
  }
}

// Uploads and receipts. Flat: every promise about names and ETags was tested on a flat namespace.
module drop 'modules/storage_account.bicep' = {
  scope: group
  name: 'drop'
  params: {
    name: '${namePrefix}drop${suffix}'
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate
    allowedIpRanges: union(allowedIpRanges, operatorIpRanges)
    hasVersions: true
    undoDays: undoDays
    // The program itself deletes what is current, because it alone knows what is answered. These rules delete the
    // versions that its deletions and overwritings leave, so that nothing outlives its retention by more than undoDays.
    versionRules: [
      {
        name: 'upload-versions'
        prefix: 'drop-'
        days: keepUploadsDays
      }
      {
        name: 'receipt-versions'
        prefix: 'receipts-'
        days: keepRejectedDays
      }
    ]
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Staged rows, configs and state. Without versions: housekeeping knows what is needed.
module lake 'modules/storage_account.bicep' = {
  scope: group
  name: 'lake'
  params: {
    name: '${namePrefix}lake${suffix}'
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate
    allowedIpRanges: union(allowedIpRanges, operatorIpRanges)
    undoDays: undoDays
    containers: [
      'staged'
      'config'
      'state'
    ]
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Results, for foreign readers. What is deleted there is gone: old versions of the tables are files, kept for keepDeltaDays,
// and tables that are lost are made anew from what the lake holds.
module results 'modules/storage_account.bicep' = if (hasOwnResults) {
  scope: group
  name: 'results'
  params: {
    name: '${namePrefix}res${suffix}'
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate
    allowedIpRanges: union(allowedIpRanges, operatorIpRanges)
    isHierarchical: true
    undoDays: undoDays
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Queues, the host's own blobs, the package of the app, and events that could not be delivered.
module host 'modules/storage_account.bicep' = {
  scope: group
  name: 'host'
  params: {
    name: '${namePrefix}host${suffix}'
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate
    allowedIpRanges: operatorIpRanges
    undoDays: undoDays
    containers: [
      packageContainer
      deadLetterContainer
    ]
    queues: [
      'drop-events'
      'drop-events-poison'
      'stream-work'
      'stream-work-poison'
      'customer-work'
      'customer-work-poison'
    ]
    blobRules: [
      {
        name: 'dead-letters'
        prefix: '${deadLetterContainer}/'
        days: keepUploadsDays
      }
    ]
    workspaceId: monitoring.outputs.workspaceId
  }
}

module endpoints 'modules/private_endpoints.bicep' = if (isPrivate) {
  scope: group
  name: 'endpoints'
  params: {
    location: location
    tags: allTags
    virtualNetworkId: isPrivate ? network!.outputs.virtualNetworkId : ''
    subnetId: isPrivate ? network!.outputs.endpointSubnetId : ''
    endpoints: concat(hasOwnResults ? [
      {
        name: '${results!.outputs.name}-blob'
        accountId: results!.outputs.id
        service: 'blob'
      }
      {
        name: '${results!.outputs.name}-dfs'
        accountId: results!.outputs.id
        service: 'dfs'
      }
    ] : [], [
      {
        name: '${drop.outputs.name}-blob'
        accountId: drop.outputs.id
        service: 'blob'
      }
      {
        name: '${lake.outputs.name}-blob'
        accountId: lake.outputs.id
        service: 'blob'
      }
      {
        name: '${host.outputs.name}-blob'
        accountId: host.outputs.id
        service: 'blob'
      }
      {
        name: '${host.outputs.name}-queue'
        accountId: host.outputs.id
        service: 'queue'
      }
      {
        name: '${host.outputs.name}-table'
        accountId: host.outputs.id
        service: 'table'
      }
    ])
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  name: 'roles'
  params: {
    dropAccountName: drop.outputs.name
    lakeAccountName: lake.outputs.name
    hostAccountName: host.outputs.name
    appPrincipalId: identity.outputs.principalId
    operators: operators
  }
}

module resultsRoles 'modules/results_roles.bicep' = if (hasOwnResults) {
  scope: group
  name: 'results-roles'
  params: {
    resultsAccountName: hasOwnResults ? results!.outputs.name : ''
    appPrincipalId: identity.outputs.principalId
    operators: operators
  }
}

module writeOnlyRole 'modules/write_only_role.bicep' = if (uploaderAccess == 'writeOnly') {
  scope: group
  name: 'write-only-role'
  params: {
    roleName: 'Dropzone uploader ${suffix}'
  }
}

module customer 'modules/customer.bicep' = [for each in customers: {
  scope: group
  name: 'customer-${each.name}'
  params: {
    customer: each.name
    dropAccountName: drop.outputs.name
    resultsAccountName: hasOwnResults ? results!.outputs.name : lake.outputs.name
    uploaders: each.?uploaders ?? []
    readers: each.?readers ?? []
    writeOnlyRoleId: uploaderAccess == 'writeOnly' ? writeOnlyRole!.outputs.id : ''
  }
}]

module topic 'modules/system_topic.bicep' = if (empty(existingSystemTopicName)) {
  scope: group
  name: 'topic'
  params: {
    name: '${namePrefix}-drop-${suffix}'
    location: location
    tags: allTags
    sourceAccountId: drop.outputs.id
  }
}

module topicIdentity 'modules/topic_identity.bicep' = {
  scope: group
  name: 'topic-identity'
  params: {
    topicName: empty(existingSystemTopicName) ? topic!.outputs.name : existingSystemTopicName
  }
}

module subscriptionToUploads 'modules/upload_events.bicep' = {
  scope: group
  name: 'upload-events'
  params: {
    topicName: empty(existingSystemTopicName) ? topic!.outputs.name : existingSystemTopicName
    topicPrincipalId: topicIdentity.outputs.principalId
    hostAccountName: host.outputs.name
    queueName: 'drop-events'
    deadLetterContainerName: deadLetterContainer
  }
}

module app 'modules/app.bicep' = {
  scope: group
  name: 'app'
  params: {
    planName: '${namePrefix}-plan-${suffix}'
    appName: '${namePrefix}-app-${suffix}'
    location: location
    tags: allTags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    dropBlobEndpoint: drop.outputs.blobEndpoint
    lakeBlobEndpoint: lake.outputs.blobEndpoint
    resultsBlobEndpoint: hasOwnResults ? results!.outputs.blobEndpoint : lake.outputs.blobEndpoint
    hostBlobEndpoint: host.outputs.blobEndpoint
    hostQueueEndpoint: host.outputs.queueEndpoint
    hostTableEndpoint: host.outputs.tableEndpoint
    packageContainerName: packageContainer
    programSettings: programSettings
    maximumInstanceCount: maximumInstanceCount
    httpAlwaysReady: httpAlwaysReady
    updateStrategy: updateStrategy
    subnetId: isPrivate ? network!.outputs.appSubnetId : ''
  }
  // An app that starts before it may read its storage, or can reach it, stays broken until it is started again.
  dependsOn: [
    roles
    resultsRoles
    endpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    namePrefix: namePrefix
    location: location
    tags: allTags
    emails: alertEmails
    workspaceId: monitoring.outputs.workspaceId
    topicId: subscriptionToUploads.outputs.topicId
    accounts: [
      {
        name: 'drop'
        id: drop.outputs.id
        // Customers are refused here too, with a token that has ended for example.
        refusals: 100
      }
      {
        name: 'lake'
        id: lake.outputs.id
        refusals: 20
      }
      {
        name: 'host'
        id: host.outputs.id
        refusals: 20
      }
      {
        name: 'results'
        id: hasOwnResults ? results!.outputs.id : lake.outputs.id
        // Readers are refused here too.
        refusals: 100
      }
    ]
    uploadLimitMinutes: uploadLimitMinutes
    messageLimitMinutes: messageLimitMinutes
    dayLimitHours: dayLimitHours
    unmarkedLimitHours: unmarkedLimitHours
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  name: 'workbook'
  params: {
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
  }
}

// What the guides' commands name: `azd env get-values` prints it, or infra/addresses.py.
output AZURE_ENV_NAME string = environmentName
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = app.outputs.name
output APP_HOST string = app.outputs.hostName
output WORKSPACE_ID string = monitoring.outputs.workspaceCustomerId
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output DROP string = drop.outputs.name
output LAKE string = lake.outputs.name
output HOST string = host.outputs.name
output RESULTS string = hasOwnResults ? results!.outputs.name : lake.outputs.name

// What the dropzone command line reads on an operator's machine.
output DROP_STORAGE__blobServiceUri string = drop.outputs.blobEndpoint
output LAKE_STORAGE__blobServiceUri string = lake.outputs.blobEndpoint
output RESULTS_STORAGE__blobServiceUri string = hasOwnResults ? results!.outputs.blobEndpoint : lake.outputs.blobEndpoint
output AzureWebJobsStorage__queueServiceUri string = host.outputs.queueEndpoint
output DROPZONE_DAY_ZONE string = dayZone
