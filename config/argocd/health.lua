-- Health of every coffer.dev kind for Argo CD, by the kstatus rules:
-- an unobserved generation or Reconciling=True is Progressing, Stalled=True is Degraded, then Ready decides.
-- Argo CD runs this without Lua's libraries: no `string`, no `os`.
local waiting = { status = "Progressing", message = "Waiting for Coffer to look at it" }

if obj.status == nil then
  return waiting
end
if obj.metadata.generation ~= nil and obj.status.observedGeneration ~= obj.metadata.generation then
  return waiting
end

local conditions = {}
if obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end

local function is_true(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end

if is_true("Stalled") then
  return { status = "Degraded", message = conditions.Stalled.message }
end
if is_true("Reconciling") then
  return { status = "Progressing", message = conditions.Reconciling.message }
end
if obj.kind == "BackupInstance" and obj.spec.protection ~= nil and obj.spec.protection ~= "Enabled" then
  return { status = "Suspended", message = "Protection is " .. obj.spec.protection }
end
if is_true("Ready") then
  return { status = "Healthy", message = conditions.Ready.message }
end
if conditions.Ready ~= nil and conditions.Ready.status == "False" then
  return { status = "Degraded", message = conditions.Ready.message }
end
return waiting
