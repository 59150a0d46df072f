// What wakes somebody up: questions asked of the logs, and counts of the platform.

@description('First letters of every name.')
param namePrefix string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Mail addresses that alerts go to.')
param emails array

@description('Log Analytics workspace that is asked.')
param workspaceId string

@description('System topic of the drop account.')
param topicId string

@description('Storage accounts: each { name, id, refusals }, refusals being how many in 15 minutes are too many.')
param accounts array

@description('Minutes that the oldest upload may be without a receipt.')
param uploadLimitMinutes int

@description('Minutes that the next message of a queue may be old.')
param messageLimitMinutes int

@description('Hours that a marked day may wait.')
param dayLimitHours int

@description('Hours that the rows of a stream may wait for its first marker.')
param unmarkedLimitHours int

// A row that a query returns is a reason to alert. Windows are longer than the timers' periods and the logs' delay.
var questions = [
  {
    name: 'heartbeat-missing'
    description: 'The timer of the sweep or that of days has not run: the app is down, cannot start, or cannot reach its storage.'
    severity: 0
    window: 'PT45M'
    every: 'PT15M'
    resolves: true
    query: loadTextContent('../kql/heartbeat_missing.kql')
  }
  {
    name: 'housekeeping-missing'
    description: 'Retention has not run for a customer for two days: nothing of it is deleted.'
    severity: 2
    window: 'P2D'
    every: 'PT6H'
    resolves: true
    query: loadTextContent('../kql/housekeeping_missing.kql')
  }
  {
    name: 'housekeeping-failed'
    description: 'Retention could not delete something: a step failed, or single blobs.'
    severity: 3
    window: 'P2D'
    every: 'PT6H'
    resolves: true
    query: loadTextContent('../kql/housekeeping_failed.kql')
  }
  {
    name: 'upload-without-receipt'
    description: 'An upload has been without an answer for too long.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    resolves: true
    query: replace(loadTextContent('../kql/upload_without_receipt.kql'), '{limit_seconds}', string(uploadLimitMinutes * 60))
  }
  {
    name: 'message-waiting'
    description: 'A message has waited too long in a queue: nobody works it off, or there is more work than instances.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    resolves: true
    query: replace(loadTextContent('../kql/message_waiting.kql'), '{limit_seconds}', string(messageLimitMinutes * 60))
  }
  {
    name: 'day-waiting'
    description: 'A marked day has not been processed for too long; its status document says what it waits for.'
    severity: 2
    window: 'PT30M'
    every: 'PT15M'
    resolves: true
    query: replace(loadTextContent('../kql/day_waiting.kql'), '{limit_seconds}', string(dayLimitHours * 3600))
  }
  {
    name: 'day-failed'
    description: 'A day has failed several times in a row.'
    severity: 1
    window: 'PT6H'
    every: 'PT30M'
    resolves: true
    query: loadTextContent('../kql/day_failed.kql')
  }
  {
    name: 'work-ends-worker'
    description: 'An upload or a day has ended every worker that had it in hand, and is not tried any more by itself.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    resolves: false
    query: loadTextContent('../kql/work_ends_worker.kql')
  }
  {
    name: 'marker-late'
    description: 'A customer has not marked a day by the time it usually does.'
    severity: 3
    window: 'PT30M'
    every: 'PT30M'
    resolves: false
    query: loadTextContent('../kql/marker_late.kql')
  }
  {
    name: 'stream-stopped'
    description: 'A stream stands still: something is lost, restored from before or changed by another program. Its status says what to do.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    resolves: true
    query: loadTextContent('../kql/stream_stopped.kql')
  }
  {
    name: 'stream-unmarked'
    description: 'A customer uploads rows and has never marked a day as complete, so that none is processed.'
    severity: 3
    window: 'PT30M'
    every: 'PT30M'
    resolves: true
    query: replace(loadTextContent('../kql/stream_unmarked.kql'), '{limit_seconds}', string(unmarkedLimitHours * 3600))
  }
  {
    name: 'stream-silent'
    description: 'No day of a stream was marked for three days or more.'
    severity: 3
    window: 'PT30M'
    every: 'PT30M'
    resolves: true
    query: loadTextContent('../kql/stream_silent.kql')
  }
  {
    name: 'poison-message'
    description: 'A message could not be worked off and lies in a poison queue.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    resolves: false
    query: loadTextContent('../kql/poison_message.kql')
  }
  {
    name: 'storage-refuses-app'
    description: 'The app itself has no permission for something: a role or a network rule is missing.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    resolves: true
    query: loadTextContent('../kql/storage_refuses_app.kql')
  }
  {
    name: 'step-failed'
    description: 'A customer or a stream is skipped again and again.'
    severity: 2
    window: 'PT1H'
    every: 'PT30M'
    resolves: true
    query: loadTextContent('../kql/step_failed.kql')
  }
  {
    name: 'log-cap-reached'
    description: 'The workspace has reached its daily cap: until tomorrow the other alerts see nothing.'
    severity: 1
    window: 'PT1H'
    every: 'PT30M'
    resolves: true
    query: loadTextContent('../kql/log_cap_reached.kql')
  }
]

var eventCounts = [
  {
    metric: 'DeadLetteredCount'
    description: 'Events could not be delivered and lie in the container for them; the sweep finds the uploads.'
    severity: 2
    limit: 0
  }
  {
    metric: 'DroppedEventCount'
    description: 'Events could neither be delivered nor kept; the sweep finds the uploads.'
    severity: 2
    limit: 0
  }
  {
    metric: 'DeliveryAttemptFailCount'
    description: 'Event Grid fails to deliver to the queue: its role, or the network rules of the account.'
    severity: 2
    limit: 20
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${namePrefix}-people'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'dropzone'
    emailReceivers: [for (address, index) in emails: {
      name: 'person-${index}'
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

resource asked 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for question in questions: {
  name: '${namePrefix}-${question.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: question.name
    description: question.description
    severity: question.severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: question.every
    windowSize: question.window
    autoMitigate: question.resolves
    // A workspace has a table only once something was written into it.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: question.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}]

resource undelivered 'Microsoft.Insights/metricAlerts@2018-03-01' = [for count in eventCounts: {
  name: '${namePrefix}-events-${toLower(count.metric)}'
  location: 'global'
  tags: tags
  properties: {
    description: count.description
    severity: count.severity
    enabled: true
    autoMitigate: true
    scopes: [
      topicId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'count'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: count.metric
          operator: 'GreaterThan'
          threshold: count.limit
          timeAggregation: 'Total'
          skipMetricValidation: true
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]

// The platform counts refusals without logs, so that these are seen even when the cap is reached.
resource refused 'Microsoft.Insights/metricAlerts@2018-03-01' = [for account in accounts: {
  name: '${namePrefix}-refused-${account.name}'
  location: 'global'
  tags: tags
  properties: {
    description: 'The storage account refuses many requests (401, 403).'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      account.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'refused'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Storage/storageAccounts'
          metricName: 'Transactions'
          dimensions: [
            {
              name: 'ResponseType'
              operator: 'Include'
              values: [
                'AuthenticationError'
                'AuthorizationError'
              ]
            }
          ]
          operator: 'GreaterThan'
          threshold: account.refusals
          timeAggregation: 'Total'
          skipMetricValidation: true
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]
